"""Why a touch is not among what was considered: refused, at the wrong time, on its way, or beyond the list's end."""

from schemas.reasons import Reason
from services.kernel.sentences import Sentence
from services.kernel.time import DAY, format_rfc3339
from services.operations.explain.inquiry import AbsenceReason, Rulebook, TouchAnswer, TouchTrace
from services.operations.explain.sources import EventRefusal, ExplainableAssertion

_KINDS = frozenset({"click", "view", "code"})
"""Event types of valid touches; a refused one may say anything."""

MAX_CONSIDERED = 100
"""Candidates that an assertion names (schemas.credits)."""
UNREADABLE = EventRefusal(Reason.INVALID_FIELD, Sentence("its occurred_at cannot be read"))


def absent_touch(trace: TouchTrace, paid_at: int, told: ExplainableAssertion | None, rulebook: Rulebook) -> TouchAnswer:
    """One word and one sentence for a touch that was no candidate.

    Args:
        trace: the touch.
        paid_at: of the order, microseconds.
        told: the line as the books know it; None = they do not.
        rulebook: for the candidate window.
    """
    kind = Sentence(trace.kind) if trace.kind in _KINDS else trace.kind
    if trace.refusal is not None or trace.occurred_at is None:
        refusal = trace.refusal or UNREADABLE
        word, why = refusal.reason, Sentence("its {kind} was refused as {refusal}", kind=kind, refusal=refusal.sentence)
    elif trace.occurred_at > paid_at:
        word = AbsenceReason.AFTER_PAYMENT
        why = Sentence("its {kind} came after the payment at {paid_at}", kind=kind, paid_at=format_rfc3339(paid_at))
    elif trace.occurred_at < paid_at - rulebook.candidate_window:
        word = AbsenceReason.BEFORE_WINDOW
        why = Sentence(
            "its {kind} was more than {days} days before the payment at {paid_at}",
            kind=kind,
            days=rulebook.candidate_window // DAY,
            paid_at=format_rfc3339(paid_at),
        )
    elif told is None or trace.offset >= told.version.touch:
        word = AbsenceReason.ON_ITS_WAY
        why = Sentence("its {kind} is still on its way to the books: `koc drain` waits for it", kind=kind)
    elif len(told.considered) >= MAX_CONSIDERED:
        word = AbsenceReason.NOT_LISTED
        why = Sentence(
            "more than {most} candidates were considered, and its {kind} is not among the newest",
            most=MAX_CONSIDERED,
            kind=kind,
        )
    else:
        word = AbsenceReason.NOT_LISTED
        why = Sentence(
            "its {kind} is in the clicks log and was not considered: `koc doctor` looks for the cause", kind=kind
        )
    return TouchAnswer(trace.touch_id, trace.occurred_at, word, why)
