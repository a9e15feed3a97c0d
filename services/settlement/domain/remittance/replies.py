"""What a bank's reply does to a payout: the state machine, as a pure function of the payout and the reply's row."""

from enum import StrEnum
from typing import NamedTuple

from services.kernel.money import MAX_AMOUNT_MINOR
from services.kernel.sentences import Sentence
from services.settlement.domain.book import chart
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position


class PayoutOutcome(StrEnum):
    """What became of a payment. A payout takes it as its status."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RETURNED = "returned"


class ReplyRow(NamedTuple):
    """A row of a reply: `payout` as the file names it. `amount_minor` and `currency` are None where it says none."""

    payout: str
    outcome: PayoutOutcome
    amount_minor: int | None
    currency: str | None
    bank_ref: str | None
    fee_minor: int


class AwaitedPayout(NamedTuple):
    """A payout as the books know it."""

    id: str
    party: str
    currency: str
    amount_minor: int
    rail: str
    status: str


class ReplyMove(NamedTuple):
    """What a row books: one entry."""

    kind: Kind
    legs: Position


_INSTRUCTED = "instructed"
_KINDS = {
    (_INSTRUCTED, PayoutOutcome.CONFIRMED): Kind.PAYOUT_CONFIRMED,
    (_INSTRUCTED, PayoutOutcome.REJECTED): Kind.PAYOUT_REJECTED,
    (PayoutOutcome.CONFIRMED.value, PayoutOutcome.RETURNED): Kind.PAYOUT_RETURNED,
}
"""The state machine: (status of the payout, outcome of the row) -> kind of the entry. Nothing else books."""

_UNKNOWN = "no payout has this id"
_OTHER_AMOUNT = "the reply is about {said}, the payout about {known}"
_FEE_UNEXPECTED = "a fee of {fee} comes with an outcome that takes none: reply without it, and book it by an adjustment"
_FEE_OVER_LIMIT = "with a fee of {fee} the entry is over the journal's limit: ask the bank"
_NOT_CONFIRMED = "no reply has confirmed it, so it cannot have come back: reply with confirmed first, or with rejected"
_CONTRADICTION = "it was {status} before, so it cannot be {outcome}: ask the bank"
_REPEATED = "it was {status} before"
FINDINGS = (_UNKNOWN, _OTHER_AMOUNT, _FEE_UNEXPECTED, _FEE_OVER_LIMIT, _NOT_CONFIRMED, _CONTRADICTION, _REPEATED)
"""Why a row books nothing: the templates of what is stored."""


def judge_reply(row: ReplyRow, payout: AwaitedPayout | None) -> ReplyMove | str:
    """What a row books, or in words why it books nothing.

    Args:
        row: of the reply.
        payout: that it names, with the status that earlier rows have left; None = there is none of that id.
    """
    if payout is None:
        return Sentence(_UNKNOWN)
    kind = _KINDS.get((payout.status, row.outcome))
    if kind is None:
        return _contradiction(payout.status, row.outcome)
    said = payout.amount_minor if row.amount_minor is None else row.amount_minor, row.currency or payout.currency
    if said != (payout.amount_minor, payout.currency):
        return Sentence(_OTHER_AMOUNT, said=_money(*said), known=_money(payout.amount_minor, payout.currency))
    if row.fee_minor and kind is not Kind.PAYOUT_CONFIRMED:
        return Sentence(_FEE_UNEXPECTED, fee=_money(row.fee_minor, payout.currency))
    if payout.amount_minor + row.fee_minor > MAX_AMOUNT_MINOR:
        return Sentence(_FEE_OVER_LIMIT, fee=_money(row.fee_minor, payout.currency))
    return ReplyMove(kind, _legs(kind, payout, row.fee_minor))


def _contradiction(status: str, outcome: PayoutOutcome) -> str:
    if status == outcome:
        return Sentence(_REPEATED, status=status)
    if status == _INSTRUCTED:
        return Sentence(_NOT_CONFIRMED)
    return Sentence(_CONTRADICTION, status=status, outcome=outcome)


def _legs(kind: Kind, payout: AwaitedPayout, fee: int) -> Position:
    amount, transit = payout.amount_minor, chart.in_transit(payout.rail)
    if kind is Kind.PAYOUT_CONFIRMED:
        costs = {chart.PAYOUT_FEE: fee} if fee else {}
        return {transit: amount, chart.BANK: -amount - fee} | costs
    source = transit if kind is Kind.PAYOUT_REJECTED else chart.BANK
    return {source: amount, chart.held(payout.party): -amount}


def _money(minor: int, currency: str) -> str:
    return f"{decimal_text(minor, currency)} {currency}"
