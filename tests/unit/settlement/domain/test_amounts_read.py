"""Amounts as a person writes them."""

import pytest

from services.settlement.domain.book.currencies import decimal_text, minor_amount


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("63.00", "CNY", 6300), ("-0.01", "CNY", -1), ("+1.50", "CNY", 150), ("6300", "JPY", 6300), ("0.005", "KWD", 5)],
)
def test_an_amount_is_read_with_its_currencys_decimals(text: str, currency: str, minor: int) -> None:
    assert minor_amount(text, currency) == minor
    assert decimal_text(minor, currency) == text.removeprefix("+")


@pytest.mark.parametrize(
    ("text", "currency"),
    [("63", "CNY"), ("63.0", "CNY"), ("63.000", "CNY"), ("63.00", "JPY"), ("1,000.00", "CNY"), (" 1.00", "CNY"),
     ("1.00\n", "CNY"), ("1e3", "JPY"), ("", "JPY"), ("-", "JPY"), ("\uff11", "JPY"), ("9" * 19, "JPY")],
)  # fmt: skip
def test_what_may_be_meant_otherwise_is_refused_with_an_example(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"is no amount in .* as 63"):
        minor_amount(text, currency)
