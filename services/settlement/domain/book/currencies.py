"""How many decimals a currency's minor unit has (ISO 4217), and exact decimal text of minor units.

Two decimals is the rule; only exceptions are listed. Funds codes and metals are in no order and so not here.
"""

import re

_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_EXCEPTIONS = {
    code: digits for digits, codes in ((0, _ZERO), (3, _THREE), (4, _FOUR)) for code in codes.split()
}  # fmt: skip


def minor_digits(currency: str) -> int:
    """Decimals of a currency: CNY 2, JPY 0, KWD 3."""
    return _EXCEPTIONS.get(currency, 2)


def decimal_text(amount_minor: int, currency: str) -> str:
    """The exact amount with all its decimals: -2520 CNY is `-25.20`, 5 KWD is `0.005`."""
    digits = minor_digits(currency)
    if not digits:
        return str(amount_minor)
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}"


def minor_amount(text: str, currency: str) -> int:
    """Minor units of decimal text that has exactly the currency's decimals: `-25.20` CNY is -2520.

    Raises:
        ValueError: it is no such text; says how an amount of the currency is written.
    """
    digits = minor_digits(currency)
    fraction = rf"\.([0-9]{{{digits}}})" if digits else "()"
    found = re.fullmatch(rf"([+-]?)([0-9]{{1,18}}){fraction}", text, re.ASCII)
    if found is None:
        decimals = f"{digits} decimals" if digits else "no decimals"
        raise ValueError(
            f"{text!r} is no amount in {currency}: write it with {decimals}, as {decimal_text(6300, currency)}"
        )
    sign, whole, part = found.groups()
    minor = int(whole + part)
    return -minor if sign == "-" else minor
