"""Who pays comes from settings; a stand-in never pays in production."""

import pytest

from services.kernel.errors import StartRefused
from services.settlement.payment_files.payer import payer_details
from tests.kit.stacks import with_environment

SET = {
    "KOC_PAYER_NAME": "KOC Ltd", "KOC_PAYER_ACCOUNT": "6222020200112233445", "KOC_PAYER_BANK": "CNAPS:102100099996",
    "KOC_PAYER_WECHAT_APPID": "wx1", "KOC_PAYER_ALIPAY_ACCOUNT": "pay@example.com",
}  # fmt: skip


def test_what_is_set_is_taken_everywhere() -> None:
    for environment in ("local", "production"):
        with with_environment(SET | {"KOC_ENVIRONMENT": environment}):
            assert list(payer_details()) == list(SET.values())


def test_a_stand_in_is_taken_on_a_developers_machine_alone() -> None:
    with with_environment(dict.fromkeys(SET) | {"KOC_ENVIRONMENT": "local"}):
        assert "local" in payer_details().name
    with (
        with_environment(SET | {"KOC_ENVIRONMENT": "production", "KOC_PAYER_BANK": None}),
        pytest.raises(StartRefused, match=r"^payment files name the payer: set KOC_PAYER_BANK$"),
    ):
        payer_details()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"KOC_PAYER_ACCOUNT": "GB33BUKB20201555555556"}, "the account looks like an IBAN"),
        ({"KOC_PAYER_BANK": "ICBC"}, "the bank must be a BIC"),
    ],
)
def test_an_account_that_is_none_is_refused(change: dict[str, str], problem: str) -> None:
    with (
        with_environment(SET | change),
        pytest.raises(StartRefused, match=rf"^KOC_PAYER_ACCOUNT and KOC_PAYER_BANK: {problem}"),
    ):
        payer_details()
