"""Why a run that had come to a line's day did not settle it: the run's own question, asked again as of its point."""

from dataclasses import replace
from typing import NamedTuple

from services.kernel.sentences import Sentence
from services.kernel.time import format_rfc3339
from services.operations.explain.cases import Cases
from services.operations.explain.sources import ExplainableAssertion
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.run_ports import StoredRun
from services.settlement.books.run_records_port import LineInRun, OrderRuns
from services.settlement.domain.lines.clock import settle_at_of
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import NO_GRANTS
from services.settlement.domain.lines.worth import grants_may_exceed_limit, pricing_reference, worth_of
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.candidates import (
    CONTENT_HELD,
    DISPUTED,
    LINE_HELD,
    MEANING,
    NOT_DUE,
    ORDER_HELD,
    SET_ASIDE,
    UNPRICED,
    Candidate,
    blocking_reason,
)

LATER, UNKNOWN = "later", "unknown"
"""Besides the words of runs: what the line is now was not in the books, or nothing is left that shows why."""

_CASES = frozenset({DISPUTED, ORDER_HELD, LINE_HELD, CONTENT_HELD})


class LeftOut(NamedTuple):
    """Why a run left a line out: one word, and words for a person."""

    reason: str
    why: str


class PastRun(NamedTuple):
    """A run, how far it had read, and what the run before it planned of the line (None = nothing)."""

    run: StoredRun
    point: RunPoint
    before: LineInRun | None


def left_out(
    line: Line, told: ExplainableAssertion, past: PastRun, runs: OrderRuns, reference: Reference
) -> LeftOut | None:
    """Why the run did not settle the line; None where the line's day was not yet come, or nothing waited.

    The line is asked about as it is now, and everything else as of the run's point. An earlier state of the line
    (incomplete, quarantined) leaves no trace; the word is then `unknown`.
    """
    run, point, before = past
    events = [event for event in runs.cases if event.position < point.registry]
    cases = Cases(events, line.key, {credit.content_id for credit in told.credits}, ())
    if cases.lost:
        return None
    then = _line_at(line, before)
    worth = worth_of(told, pricing_reference(then, reference.as_of(point.registry)), then.grants)
    if worth.unpriced is not None and told.received_at is not None and told.received_at <= run.as_of:
        return LeftOut(UNPRICED, Sentence(MEANING[UNPRICED]))
    settle_at = settle_at_of(told, worth, pricing_reference(then, reference.as_of(point.registry)).houses, then.settled)
    if settle_at is None or settle_at > run.as_of:
        return None
    if point.generation == runs.generation and runs.positions.get(line.key, 0) >= point.credits[line.partition]:
        later = Sentence(
            "what it is now came to the books later, with the assertion of {time}", time=format_rfc3339(told.as_of)
        )
        return LeftOut(LATER, later)
    reason = blocking_reason(Candidate(then, told, worth, settle_at), run.as_of, cases.blocking())
    if reason in _CASES:
        return LeftOut(reason, cases.names())
    if reason is None and grants_may_exceed_limit(told, worth.terms):
        return LeftOut(SET_ASIDE, Sentence("a tier, a bonus or a budget could lift it over a limit of the journal"))
    if reason is None or reason == NOT_DUE:
        return LeftOut(UNKNOWN, Sentence("it was incomplete or quarantined then, which leaves no trace"))
    return LeftOut(reason, Sentence(MEANING[reason]))


def _line_at(line: Line, before: LineInRun | None) -> Line:
    """The line with what earlier runs had settled of it, as far as plans say."""
    if before is None:
        return replace(line, settled={}, terms=None, grants=NO_GRANTS)
    return replace(line, settled=before.plan.settled, grants=before.plan.grants)
