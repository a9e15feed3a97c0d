"""From a target to entries: which rows a line's new truth writes, each at its own time."""

from typing import NamedTuple

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference, total
from services.settlement.domain.lines.assertions import AssertedStep, LineAssertion, is_cancelled
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.price import CreditTerms, Reference, price, terms_of

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


def book_assertion(line: Line, assertion: LineAssertion, reference: Reference, cause: str) -> list[EntryDraft]:
    """The rows that bring a line to the target of its newly accepted assertion; the line then stands there.

    Each order event not booked yet books price(after) - price(before) along the assertion's steps at its own time,
    so that no batch size moves a refund into another month. What then still differs (a changed credit, a late step)
    is one more row at `as_of`, written first: then no party's pending is in debit between two rows.
    """
    if line.quarantined is not None:
        return []
    target, terms = _target(line, assertion, reference)
    rows = _step_rows(line, assertion, terms, target) if line.standing else []
    explained = line.booked
    for row in rows:
        explained = total(explained, row.legs)
    if explained != target:
        rest = difference(target, explained)
        rows.insert(0, EntryDraft(Kind.COMMISSION_ADJUSTED, REST, cause, assertion.as_of, rest))
    line.booked = target
    line.booked_steps = tuple([step.event_id for step in assertion.steps])
    return rows


def _step_rows(
    line: Line, assertion: LineAssertion, terms: tuple[CreditTerms, ...], target: Position
) -> list[EntryDraft]:
    """The rows of order events that are not booked yet; what is booked already is not priced again."""
    priced = {(assertion.refunded_minor, is_cancelled(assertion)): target}

    def worth(step: AssertedStep) -> Position:
        at = step.refunded_minor, step.cancelled
        if at not in priced:
            priced[at] = price(assertion, terms, step.refunded_minor, cancelled=step.cancelled)
        return priced[at]

    rows = []
    before: AssertedStep | None = None
    for index, step in enumerate(assertion.steps):
        if step.event_id not in line.booked_steps:
            moved = difference(worth(step), worth(before)) if before is not None else worth(step)
            if moved:
                kind = Kind.COMMISSION_ADJUSTED if index else Kind.COMMISSION_ACCRUED
                at = step.at if index else line.paid_at
                rows.append(EntryDraft(kind, str(index), f"order event {step.event_id}", at, moved))
        before = step
    return rows


def book_demotion(line: Line, effective_at: int, cause: str) -> list[EntryDraft]:
    """The row that takes all back from a line that another buyer's line displaces; it stands no more."""
    rest = difference({}, line.booked)
    line.standing, line.booked, line.unpriced, line.unpriced_minor = False, {}, None, 0
    return [EntryDraft(Kind.COMMISSION_ADJUSTED, REST, cause, effective_at, rest)] if rest else []


def book_reprice(
    line: Line, assertion: LineAssertion, reference: Reference, cause: str, effective_at: int
) -> list[EntryDraft]:
    """The row that brings a line to its target under new reference data, at the registry event's time."""
    if line.quarantined is not None or not line.standing:
        return []
    target, _ = _target(line, assertion, reference)
    rest = difference(target, line.booked)
    line.booked = target
    return [EntryDraft(Kind.COMMISSION_ADJUSTED, ONLY, cause, effective_at, rest)] if rest else []


def _target(line: Line, assertion: LineAssertion, reference: Reference) -> tuple[Position, tuple[CreditTerms, ...]]:
    """What the line is worth by its assertion, and the terms it is priced by; zero unless it stands."""
    line.revision = reference.revision
    line.koc_ids = tuple(dict.fromkeys(credit.koc_id for credit in assertion.credits))
    if not line.standing:
        line.unpriced, line.unpriced_minor = None, 0
        return {}, ()
    terms, line.unpriced, line.unpriced_minor = terms_of(assertion, reference)
    return price(assertion, terms, assertion.refunded_minor, cancelled=is_cancelled(assertion)), terms
