"""A run's step of one line: to its frozen terms, then from pending to payable."""

from typing import NamedTuple

from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import difference
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.reversals import book_reversals
from services.settlement.domain.lines.terms import LineGrants, Terms
from services.settlement.domain.settling.place import place
from services.settlement.domain.settling.shares import Shares

ADJUST, SETTLE = "adjust", "settle"
"""The steps of the rows."""


class PlannedSettlement(NamedTuple):
    """What a run's plan says of a line: all that will be settled of it, and what its credits are granted."""

    settled: Shares
    grants: LineGrants


def freeze_terms(line: Line, plan: PlannedSettlement, terms: Terms) -> None:
    """Price a line by the run's terms and grants from now on; terms that an earlier run set stay."""
    line.terms = line.terms or terms
    line.grants = plan.grants


def book_settlement(
    line: Line, plan: PlannedSettlement, owed: Shares, vat_ppm: int, cause: str, as_of: int
) -> list[EntryDraft]:
    """The rows that settle a line whose terms are frozen; the line then stands there.

    What is settled is the plan's, never what the line is worth now; what is owed is what it is worth now. So the order
    in which a run and the posters come to a line does not show.

    Args:
        line: as booked; not yet settled by this run.
        plan: of this run.
        owed: what claimants are owed now under the frozen terms; of a frozen line what is booked.
        vat_ppm: the rate within our fee.
        cause: of all rows, in words.
        as_of: the moment of the run, microseconds.
    """
    rows = book_reversals(line, [], EntryDraft(Kind.COMMISSION_ADJUSTED, ADJUST, cause, as_of, {}), owed, vat_ppm)
    before = place(line.settled, owed, line.brand_id, vat_ppm)
    line.settled = plan.settled
    line.booked = place(line.settled, owed, line.brand_id, vat_ppm)
    if legs := difference(line.booked, before):
        rows.append(EntryDraft(Kind.COMMISSION_SETTLED, SETTLE, cause, as_of, legs))
    return rows
