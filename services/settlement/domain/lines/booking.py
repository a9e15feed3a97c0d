"""From a target to entries: which rows a line's new truth writes, each at its own time."""

from typing import NamedTuple

from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference, total
from services.settlement.domain.lines.assertions import AssertedStep, LineAssertion, is_cancelled
from services.settlement.domain.lines.clock import settle_at_of
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.reversals import book_reversals
from services.settlement.domain.lines.worth import (
    Worth,
    exceeds_limit,
    may_exceed_limit,
    pricing_reference,
    vat_ppm_of,
    worth_of_line,
)
from services.settlement.domain.pricing.price import price
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.place import owed_of, place

REST = "rest"
"""The step of the row that books what no order event explains."""


class Rest(NamedTuple):
    """How the row is named, explained and dated that books what no order event explains."""

    step: str
    cause: str
    effective_at: int


def book_assertion(line: Line, assertion: LineAssertion, reference: Reference, cause: str) -> list[EntryDraft]:
    """The rows that bring a line to the target of its newly accepted assertion; the line then stands there."""
    return _book(line, assertion, reference, Rest(REST, cause, assertion.as_of))


def book_reprice(
    line: Line, assertion: LineAssertion, reference: Reference, cause: str, effective_at: int
) -> list[EntryDraft]:
    """The rows that bring a line to its target under new reference data of this time; the line then stands there."""
    return _book(line, assertion, reference, Rest(ONLY, cause, effective_at)) if line.standing else []


def book_demotion(line: Line, reference: Reference, effective_at: int, cause: str) -> list[EntryDraft]:
    """The rows that take all back from a line that another buyer's line displaces; it stands no more.

    What runs have settled of it stays payable and is claimed back.
    """
    rest = _adjustment(REST, cause, max(line.paid_at, effective_at))
    vat_ppm = vat_ppm_of(line, reference)
    rows = book_reversals(line, [], rest, {}, vat_ppm) if line.booked else []
    line.standing, line.unpriced, line.unpriced_minor, line.set_aside, line.settle_at = False, None, 0, None, None
    line.booked = place(line.settled, {}, line.brand_id, vat_ppm)
    return rows


def _book(line: Line, assertion: LineAssertion, reference: Reference, rest: Rest) -> list[EntryDraft]:
    """The rows from what is booked to what the line is worth; one that is frozen stays where it is."""
    if line.quarantined is not None:
        return []
    worth = worth_of_line(line, assertion, reference)
    steps = _step_rows(line, assertion, worth) if line.standing and worth.set_aside is None else []
    adjustment = _adjustment(rest.step, rest.cause, max(line.paid_at, rest.effective_at))
    if line.settled:
        owed, vat_ppm = owed_of(worth.target), vat_ppm_of(line, reference)
        rows = book_reversals(line, steps, adjustment, owed, vat_ppm)
        target = place(line.settled, owed, line.brand_id, vat_ppm)
    else:
        rows = _unsettled_rows(line, assertion, worth, steps, adjustment)
        target = worth.target
    _settle_down(line, assertion, worth, target, reference)
    return rows


def _adjustment(step: str, cause: str, effective_at: int) -> EntryDraft:
    """A row that no order event explains, without its legs."""
    return EntryDraft(Kind.COMMISSION_ADJUSTED, step, cause, effective_at, {})


def _unsettled_rows(
    line: Line, assertion: LineAssertion, worth: Worth, steps: list[EntryDraft], adjustment: EntryDraft
) -> list[EntryDraft]:
    """Each order event that is not booked yet is a row at its own time, so that no batch size moves a refund.

    What then still differs (a changed credit, a late event, another plan) is one more row. It comes first, so that no
    party's pending is in debit between two rows, and it is never dated before the sale.
    """
    rows = steps
    explained = _explained(line, assertion, worth, rows) if rows else line.booked
    if explained != worth.target:
        rows = [adjustment._replace(legs=difference(worth.target, explained)), *rows]
    # Differences of prices that the journal holds may be more than it holds; one step from the old to the new is not.
    if may_exceed_limit(worth, line.booked) and any(exceeds_limit(row.legs) for row in rows):
        legs = difference(worth.target, line.booked)
        rows = [adjustment._replace(legs=legs)] if legs else []
    return rows


def _settle_down(line: Line, assertion: LineAssertion, worth: Worth, target: Position, reference: Reference) -> None:
    """Let a line stand at its worth. One that is worth nothing for want of a plan or of room has booked no event."""
    line.revision = reference.revision
    koc_ids = [credit.koc_id for credit in assertion.credits]
    line.koc_ids = tuple(koc_ids if len(koc_ids) == 1 else dict.fromkeys(koc_ids))
    line.unpriced, line.unpriced_minor, line.set_aside = worth.unpriced, worth.unpriced_minor, worth.set_aside
    line.booked = target
    line.settle_at = settle_at_of(assertion, worth, pricing_reference(line, reference).houses, line.settled)
    waits = not worth.target and (worth.unpriced is not None or worth.set_aside is not None)
    line.booked_steps = () if waits else tuple([step.event_id for step in assertion.steps])


def _step_rows(line: Line, assertion: LineAssertion, worth: Worth) -> list[EntryDraft]:
    """The rows of order events that are not booked yet; what is booked already is not priced again."""
    priced = {(assertion.refunded_minor, is_cancelled(assertion)): worth.target}

    def price_after(step: AssertedStep) -> Position:
        at = step.refunded_minor, step.cancelled
        if at not in priced:
            priced[at] = price(assertion, worth.terms, step.refunded_minor, cancelled=step.cancelled)
        return priced[at]

    rows = []
    before: AssertedStep | None = None
    for index, step in enumerate(assertion.steps):
        if step.event_id not in line.booked_steps:
            moved = price_after(step) if before is None else difference(price_after(step), price_after(before))
            if moved:
                kind = Kind.COMMISSION_ADJUSTED if index else Kind.COMMISSION_ACCRUED
                at = step.at if index else line.paid_at
                rows.append(EntryDraft(kind, str(index), f"order event {step.event_id}", at, moved))
        before = step
    return rows


def _explained(line: Line, assertion: LineAssertion, worth: Worth, rows: list[EntryDraft]) -> Position:
    """What is booked once these rows are."""
    last = assertion.steps[-1]
    is_all = (last.refunded_minor, last.cancelled) == (assertion.refunded_minor, is_cancelled(assertion))
    if is_all and not line.booked and not line.booked_steps:
        return worth.target
    explained = line.booked
    for row in rows:
        explained = total(explained, row.legs)
    return explained
