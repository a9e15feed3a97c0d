"""Who pays comes from settings; a stand-in never pays in production."""

from collections.abc import Collection

import pytest

from services.kernel.errors import StartRefused
from services.settlement.domain.remittance.forms import RULES, PaymentForm
from services.settlement.domain.remittance.payee_accounts import PayerDetails
from services.settlement.payment_files.export import WRITERS
from services.settlement.payment_files.payer import payer_details
from tests.kit.payment_orders import MIXED, orders
from tests.kit.stacks import with_environment

SET = {
    "KOC_PAYER_NAME": "KOC Ltd", "KOC_PAYER_ACCOUNT": "6222020200112233445", "KOC_PAYER_BANK": "CNAPS:102100099996",
    "KOC_PAYER_WECHAT_APPID": "wx1", "KOC_PAYER_ALIPAY_ACCOUNT": "pay@example.com",
}  # fmt: skip
EVERY = set(PaymentForm)
OTHER = PayerDetails("Other Ltd", "DE89370400440532013000", "COBADEFFXXX", "wx2", "other@example.com")._asdict()


def test_what_is_set_is_taken_everywhere() -> None:
    for environment in ("local", "production"):
        with with_environment(SET | {"KOC_ENVIRONMENT": environment}):
            assert list(payer_details(EVERY)) == list(SET.values())


def test_a_stand_in_is_taken_on_a_developers_machine_alone() -> None:
    with with_environment(dict.fromkeys(SET) | {"KOC_ENVIRONMENT": "local"}):
        assert "local" in payer_details(EVERY).name


@pytest.mark.parametrize(
    ("forms", "unset"),
    [
        (EVERY, "KOC_PAYER_NAME, KOC_PAYER_ACCOUNT, KOC_PAYER_BANK, KOC_PAYER_WECHAT_APPID, KOC_PAYER_ALIPAY_ACCOUNT"),
        ({PaymentForm.PAIN_001}, "KOC_PAYER_NAME, KOC_PAYER_ACCOUNT, KOC_PAYER_BANK"),
        ({PaymentForm.WECHAT}, "KOC_PAYER_WECHAT_APPID"),
        ({PaymentForm.ALIPAY, PaymentForm.CSV}, "KOC_PAYER_ALIPAY_ACCOUNT"),
    ],
)
def test_production_demands_what_the_files_say_and_nothing_else(forms: Collection[PaymentForm], unset: str) -> None:
    production = dict.fromkeys(SET, "") | {"KOC_ENVIRONMENT": "production"}
    refusal = f"^nothing was exported: the files say who pays, so set {unset}, and start this process again$"
    with with_environment(production), pytest.raises(StartRefused, match=refusal):
        payer_details(forms)
    enough = {name: value for name, value in SET.items() if name in unset}
    with with_environment(production | enough):
        payer = payer_details(forms)
        assert [value for value in payer if value] == list(enough.values())


def test_the_bank_s_csv_needs_no_setting() -> None:
    with with_environment(dict.fromkeys(SET, "") | {"KOC_ENVIRONMENT": "production"}):
        assert set(payer_details({PaymentForm.CSV})) == {""}


@pytest.mark.parametrize("form", PaymentForm)
def test_each_form_says_what_its_rule_names(form: PaymentForm) -> None:
    """The file changes with a detail of the payer if and only if the rule has it."""
    for order in orders([one for one in MIXED if one.rail == RULES[form].rail], form).values():
        said = {
            name
            for name in PayerDetails._fields
            if WRITERS[form](order._replace(payer=order.payer._replace(**{name: OTHER[name]}))) != WRITERS[form](order)
        }
        assert said == set(RULES[form].payer)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"KOC_PAYER_ACCOUNT": "GB33BUKB20201555555556"}, "the account looks like an IBAN"),
        ({"KOC_PAYER_BANK": "ICBC"}, "the bank must be a BIC"),
    ],
)
def test_an_account_that_is_none_is_refused(change: dict[str, str], problem: str) -> None:
    wrong = rf"^nothing was exported: KOC_PAYER_ACCOUNT or KOC_PAYER_BANK is wrong, {problem}"
    with with_environment(SET | change):
        with pytest.raises(StartRefused, match=wrong):
            payer_details({PaymentForm.PAIN_001})
        assert payer_details({PaymentForm.WECHAT}).wechat_appid == "wx1"
