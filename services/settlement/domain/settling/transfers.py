"""Money that moves from one account to another, as rows that the journal takes."""

from typing import NamedTuple

from services.kernel.money import MAX_AMOUNT_MINOR
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind


class Occasion(NamedTuple):
    """Why something moves: in words, and the moment (microseconds) at which it takes effect."""

    cause: str
    effective_at: int


def transfer(kind: Kind, step: str, debit: str, credit: str, amount_minor: int, occasion: Occasion) -> list[EntryDraft]:
    """The rows that debit one account and credit another; a negative amount moves the other way, zero gives no row.

    One row holds at most MAX_AMOUNT_MINOR; what is more takes further rows, with the steps `STEP|2`, `STEP|3`, ….
    """
    rows: list[EntryDraft] = []
    sign, rest = (1, amount_minor) if amount_minor > 0 else (-1, -amount_minor)
    while rest:
        amount = sign * min(rest, MAX_AMOUNT_MINOR)
        rest -= abs(amount)
        name = "|".join(filter(None, (step, str(len(rows) + 1)))) if rows else step
        rows.append(EntryDraft(kind, name, occasion.cause, occasion.effective_at, {debit: amount, credit: -amount}))
    return rows
