"""Rows of a line of which something is settled: what is no longer owed is claimed back, what is owed again restored."""

from collections.abc import Sequence
from itertools import pairwise

from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.positions import Position, total
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import exceeds_limit
from services.settlement.domain.settling.change_rows import OF_COMMISSION, change_rows
from services.settlement.domain.settling.place import change, owed_by
from services.settlement.domain.settling.shares import Shares


def book_reversals(
    line: Line, steps: Sequence[EntryDraft], rest: EntryDraft, owed: Shares, vat_ppm: int
) -> list[EntryDraft]:
    """The rows from what is booked to f(S, owed), where S is what is settled of the line.

    Args:
        line: as booked.
        steps: order events that are not booked yet, as rows of a line of which nothing is settled.
        rest: names, explains and dates what they do not explain; it comes first.
        owed: what claimants are owed in the end.
        vat_ppm: the rate within our fee.
    """
    booked = owed_by(line.booked, line.settled)
    if not steps and booked == owed:
        return []
    moves = [_shares_moved(row.legs) for row in steps]
    before_steps = dict(owed)
    for moved in moves:
        before_steps = total(before_steps, {claimant: -amount for claimant, amount in moved.items()})
    path = [booked, before_steps]
    for moved in moves:
        path.append(total(path[-1], moved))
    rows = [row for draft, move in zip([rest, *steps], pairwise(path), strict=True)
            for row in _rows(line, draft, *move, vat_ppm)]  # fmt: skip
    # A way by the events may lead through less than nothing, or be more than the journal holds; one change is neither.
    if any(amount < 0 for one in path for amount in one.values()) or any(exceeds_limit(row.legs) for row in rows):
        rows = _rows(line, rest, booked, owed, vat_ppm)
    return rows


def _rows(line: Line, draft: EntryDraft, before: Shares, after: Shares, vat_ppm: int) -> list[EntryDraft]:
    """One change of what is owed."""
    return change_rows(draft, change(line.settled, before, after, line.brand_id, vat_ppm), OF_COMMISSION)


def _shares_moved(legs: Position) -> Shares:
    """How an unsettled line's row moves what each claimant is owed."""
    return {chart.claimant_of(account): -amount for account, amount in legs.items() if chart.is_pending(account)}
