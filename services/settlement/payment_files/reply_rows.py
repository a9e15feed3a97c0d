"""Cells of bank replies as the rows that commands carry: checked, so that no other text of a file is ever stored."""

import re
from decimal import Decimal
from typing import NamedTuple

from schemas.currencies import CURRENCIES
from schemas.fields import MAX_AMOUNT_MINOR
from services.kernel.errors import InputRefused
from services.settlement.domain.book.currencies import minor_digits
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow

_ID = re.compile(r"[!-~]{1,64}", re.ASCII)
_BANK_REF = re.compile(r"[!-~][ -~]{0,63}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,5})?", re.ASCII)


class ReplyCells(NamedTuple):
    """What a file says of one payment. `place` is where, for a person: `line 3`. Amounts are in units, as in 25.20."""

    place: str
    payout: str
    outcome: PayoutOutcome
    amount: str = ""
    currency: str = ""
    bank_ref: str = ""
    fee: str = ""


class WholeFile(NamedTuple):
    """What a bank says of a whole file that we sent: `reference` is the file's, `place` is where, for a person."""

    place: str
    reference: str
    outcome: PayoutOutcome


def read_row(cells: ReplyCells) -> ReplyRow:
    """The row of these cells.

    Raises:
        InputRefused: one of them is wrong; names the place, not what stands there.
    """
    if not _ID.fullmatch(cells.payout):
        raise InputRefused(f"{cells.place}: the payout's id must be 1 to 64 visible ASCII characters")
    if cells.bank_ref and not _BANK_REF.fullmatch(cells.bank_ref):
        raise InputRefused(f"{cells.place}: the bank's reference must be at most 64 ASCII characters")
    if cells.currency and cells.currency not in CURRENCIES:
        raise InputRefused(f"{cells.place}: the currency must be an ISO 4217 code, such as CNY")
    if (cells.amount or cells.fee) and not cells.currency:
        raise InputRefused(f"{cells.place}: an amount needs a currency")
    amount = _minor(cells.place, cells.amount, cells.currency) if cells.amount else None
    fee = _minor(cells.place, cells.fee, cells.currency) if cells.fee else 0
    return ReplyRow(cells.payout, cells.outcome, amount, cells.currency or None, cells.bank_ref or None, fee)


def _minor(place: str, text: str, currency: str) -> int:
    """An amount in minor units; fewer decimals than the currency has are fine, more only if they are zero."""
    if not _AMOUNT.fullmatch(text):
        raise InputRefused(f"{place}: an amount must be digits with a point, as 25.20")
    minor = Decimal(text).scaleb(minor_digits(currency))
    if minor != minor.to_integral_value() or minor > MAX_AMOUNT_MINOR:
        raise InputRefused(f"{place}: an amount has more decimals than {currency} has, or is over the limit")
    return int(minor)
