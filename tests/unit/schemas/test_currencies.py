"""The currencies that money can be in: the committed list is the standard's, and the books know its decimals."""

import json
import runpy
from pathlib import Path
from typing import Any

import iso4217
import pytest

from schemas import decoding
from schemas.currencies import CURRENCIES
from schemas.reasons import Reason
from schemas.specimens import VALID
from schemas.topics import CREDITS, LEDGER, ORDERS, REGISTRY
from services.attribution.events import decode
from services.kernel.errors import Refused
from services.settlement.books.decode_credits import decode_credit
from services.settlement.domain.book.currencies import minor_digits

ROOT = Path(__file__).parents[3]
FAULT = "is not an ISO 4217 currency code"
NO_MONEY = ["RMB", "XYZ", "XXX", "XTS", "XAU", "XDR", "BOV", "CLF", "cny", "CNY ", "", "DEM"]
WITH_A_CURRENCY = [
    (ORDERS.name, "order.paid"),
    (REGISTRY.name, "plan.published"),
    (REGISTRY.name, "content.registered"),
    (REGISTRY.name, "spend.reported"),
    (REGISTRY.name, "campaign.budget_set"),
    (CREDITS.name, "credit"),
    (LEDGER.name, "ledger_entry"),
]


@pytest.fixture(scope="module")
def writer() -> dict[str, Any]:
    """The script that writes the list."""
    return runpy.run_path(str(ROOT / "deploy/contract/currencies.py"))


def test_the_committed_list_is_fresh(writer: dict[str, Any]) -> None:
    assert writer["main"](["--check"]) == 0
    assert writer["TARGET"].read_text() == writer["text"](CURRENCIES | writer["current"]())


def test_a_code_of_the_standard_that_is_missing_makes_it_stale_and_a_withdrawn_one_stays(
    writer: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = writer["main"].__globals__
    monkeypatch.setitem(names, "TARGET", tmp_path / "currencies.py")
    names["TARGET"].write_text(writer["text"](CURRENCIES - {"CNY"}))
    assert writer["main"](["--check"]) == 1
    assert capsys.readouterr().err == "currencies.py is stale: run `make docs`\n"
    monkeypatch.setitem(names, "CURRENCIES", CURRENCIES | {"BGN"})
    assert writer["main"]([]) == 0
    assert set(runpy.run_path(str(names["TARGET"]))["CURRENCIES"]) == CURRENCIES | {"BGN"}


def test_the_books_know_the_decimals_of_every_currency() -> None:
    decimals = {one.code: one.exponent for one in iso4217.Currency if one.exponent is not None}
    assert decimals.keys() >= CURRENCIES
    assert {code: minor_digits(code) for code in decimals} == decimals


@pytest.mark.parametrize("code", NO_MONEY)
@pytest.mark.parametrize(("topic", "name"), WITH_A_CURRENCY)
def test_f07_currency_rmb_what_is_no_currency_is_refused_and_named(topic: str, name: str, code: str) -> None:
    with pytest.raises(decoding.InvalidEvent) as refused:
        decoding.read(topic, json.dumps(VALID[name] | {"currency": code}).encode())
    assert (refused.value.reason, refused.value.field) == (Reason.INVALID_FIELD, "currency")
    assert refused.value.detail.startswith(f"currency: {FAULT}")


@pytest.mark.parametrize("code", NO_MONEY)
@pytest.mark.parametrize(("decode", "name"), [(decode.decode_order, "order.paid"), (decode_credit, "credit")])
def test_f07_currency_rmb_the_fast_decoders_refuse_it_in_the_same_words(decode: Any, name: str, code: str) -> None:
    with pytest.raises(Refused, match=FAULT) as refused:
        decode(json.dumps(VALID[name] | {"currency": code}).encode())
    assert refused.value.reason == Reason.INVALID_FIELD


def test_the_json_schemas_list_the_currencies() -> None:
    schema = json.loads((ROOT / "schemas/json/order.paid.schema.json").read_text())
    assert set(schema["properties"]["currency"]["enum"]) == CURRENCIES
