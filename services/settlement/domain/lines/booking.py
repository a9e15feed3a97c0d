"""From a target to entries: which rows a line's new truth writes, each at its own time."""

from typing import NamedTuple

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference, total
from services.settlement.domain.lines.assertions import AssertedStep, LineAssertion, is_cancelled
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import WORTHLESS, Worth, exceeds_limit, may_exceed_limit, worth_of
from services.settlement.domain.pricing.price import Reference, price

REST = "rest"
"""The step of the row that books what no order event explains."""

ONLY = ""
"""The step of a row that is the only one of its cause."""


class EntryDraft(NamedTuple):
    """One entry to be: what moves (`legs`, no zeros), when it takes effect, and why in words.

    `step` tells the rows of one line and one cause apart: the position of the order event, REST, or ONLY.
    """

    kind: Kind
    step: str
    cause: str
    effective_at: int
    legs: Position


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


def book_demotion(line: Line, effective_at: int, cause: str) -> list[EntryDraft]:
    """The row that takes all back from a line that another buyer's line displaces; it stands no more."""
    rest = difference({}, line.booked)
    line.standing, line.booked, line.unpriced, line.unpriced_minor, line.set_aside = False, {}, None, 0, None
    at = max(line.paid_at, effective_at)
    return [EntryDraft(Kind.COMMISSION_ADJUSTED, REST, cause, at, rest)] if rest else []


def _book(line: Line, assertion: LineAssertion, reference: Reference, rest: Rest) -> list[EntryDraft]:
    """Each order event that is not booked yet is a row at its own time, so that no batch size moves a refund.

    What then still differs (a changed credit, a late event, another plan) is one more row. It comes first, so that no
    party's pending is in debit between two rows, and it is never dated before the sale.
    """
    if line.quarantined is not None:
        return []
    worth = worth_of(assertion, reference) if line.standing else WORTHLESS
    rows: list[EntryDraft] = []
    explained = line.booked
    if line.standing and worth.set_aside is None:
        rows = _step_rows(line, assertion, worth)
        explained = _explained(line, assertion, worth, rows)
    at = max(line.paid_at, rest.effective_at)
    if explained != worth.target:
        legs = difference(worth.target, explained)
        rows.insert(0, EntryDraft(Kind.COMMISSION_ADJUSTED, rest.step, rest.cause, at, legs))
    # Differences of prices that the journal holds may be more than it holds; one step from the old to the new is not.
    if may_exceed_limit(worth, line.booked) and any(exceeds_limit(row.legs) for row in rows):
        legs = difference(worth.target, line.booked)
        rows = [EntryDraft(Kind.COMMISSION_ADJUSTED, rest.step, rest.cause, at, legs)] if legs else []
    _settle_down(line, assertion, worth, reference.revision)
    return rows


def _settle_down(line: Line, assertion: LineAssertion, worth: Worth, revision: int) -> None:
    """Let a line stand at its worth. One that is worth nothing for want of a plan or of room has booked no event."""
    line.revision = revision
    koc_ids = [credit.koc_id for credit in assertion.credits]
    line.koc_ids = tuple(koc_ids if len(koc_ids) == 1 else dict.fromkeys(koc_ids))
    line.unpriced, line.unpriced_minor, line.set_aside = worth.unpriced, worth.unpriced_minor, worth.set_aside
    line.booked = worth.target
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
