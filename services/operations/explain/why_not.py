"""Why not me? What became of one content or KOC in an order: credited, lost and to whom, or no candidate and why.

What was considered tells the books' assertion. Touches that were no candidate are looked up in the clicks log and among
what was refused of it, as far back as these are kept and looked through.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.reasons import MEANING as REFUSED_BECAUSE
from schemas.reasons import Reason
from services.kernel.time import DAY, format_rfc3339
from services.operations.explain.explain import (
    CreditExplained,
    Library,
    LineExplained,
    NotExplained,
    Told,
    explained_lines,
    verdict_sentence,
    why_unknown,
)

MAX_CONSIDERED = 100
"""Candidates that an assertion names (schemas.credits)."""


class Outcome(StrEnum):
    """What became of who is asked for, on one line."""

    CREDITED = "credited"
    LOST = "lost"
    NO_CANDIDATE = "no_candidate"


class Missed(StrEnum):
    """Why an accepted touch is not among what was considered."""

    AFTER_PAYMENT = "after_payment"
    BEFORE_WINDOW = "before_window"
    ON_ITS_WAY = "on_its_way"
    NOT_LISTED = "not_listed"


class Party(Protocol):
    """Whose content it is."""

    @property
    def content_id(self) -> str: ...  # noqa: D102
    @property
    def koc_id(self) -> str: ...  # noqa: D102


class Asked(NamedTuple):
    """Who is asked for: a content, a KOC, or a content of a KOC; None = any."""

    content_id: str | None
    koc_id: str | None

    def matches(self, party: Party) -> bool:
        """Whether this is who is asked for."""
        return self.content_id in (None, party.content_id) and self.koc_id in (None, party.koc_id)

    def __str__(self) -> str:
        named = (("content", self.content_id), ("KOC", self.koc_id))
        return " of ".join(f"{what} {name}" for what, name in named if name is not None)


class Rulebook(NamedTuple):
    """What the policy file says, for words.

    Attributes:
        revision: an assertion of another one may have been made by other models.
        models: by policy.
        candidate_window: microseconds; a touch so long before the payment may still be a candidate.
    """

    revision: int
    models: Mapping[str, str]
    candidate_window: int


class Trace(NamedTuple):
    """A touch as the clicks log has it, or had it before it was refused.

    Attributes:
        occurred_at: microseconds; None = it cannot be read, and so was refused.
        refused: reason word and detail; None = accepted, or not read yet.
    """

    offset: int
    touch_id: str
    kind: str
    content_id: str
    koc_id: str
    occurred_at: int | None
    refused: tuple[str, str] | None


class Touches(Protocol):
    """Where touches are looked up."""

    def traces(self, buyer_id: str, asked: Asked, since: int) -> Sequence[Trace]:
        """Touches of a buyer on who is asked for that were received at `since` (microseconds) or later, by offset."""


class Heard(NamedTuple):
    """One touch (or a declaration, without id and time), one word on it, and a sentence why."""

    touch_id: str | None
    occurred_at: int | None
    word: str
    why: str


class Answer(NamedTuple):
    """For one line; without one for an order that the books do not know for want of any candidate.

    Attributes:
        why: one sentence.
        touches: those considered first, then those that were not.
        instead: what is credited on the line, to others.
        credits: what is credited to who is asked for.
    """

    line: LineExplained | None
    buyer_id: str
    outcome: Outcome
    why: str
    touches: Sequence[Heard]
    credits: Sequence[CreditExplained] = ()
    instead: Sequence[CreditExplained] = ()
    rule: str | None = None


class WhyNot(NamedTuple):
    """All answers on an order."""

    order_id: str
    asked: Asked
    answers: Sequence[Answer]


def why_not(order_id: str, asked: Asked, library: Library, touches: Touches, rulebook: Rulebook) -> WhyNot:
    """What became of who is asked for, on each line.

    Raises:
        NotExplained: the order was never published, is on its way, was refused or not paid.
    """
    lines = explained_lines(order_id, library)
    if lines:
        traces = {
            one.told.buyer_id: _traces(touches, one.told.buyer_id, asked, one.told.paid_at, rulebook) for one in lines
        }
        return WhyNot(order_id, asked, [_answer(one, asked, traces[one.told.buyer_id], rulebook) for one in lines])
    published = library.published(order_id)
    if published.paid_at is None or published.buyer_id is None or published.on_its_way:
        raise NotExplained(why_unknown(order_id, published))
    found = _traces(touches, published.buyer_id, asked, published.paid_at, rulebook)
    heard = [_missed(trace, published.paid_at, None, rulebook) for trace in found]
    why = _no_candidate(asked, published.buyer_id, published.paid_at, heard, rulebook)
    return WhyNot(order_id, asked, [Answer(None, published.buyer_id, Outcome.NO_CANDIDATE, why, heard)])


def _traces(touches: Touches, buyer_id: str, asked: Asked, paid_at: int, rulebook: Rulebook) -> list[Trace]:
    """Each touch once, its first acceptance before any refusal: a copy of an accepted one may well be refused."""
    found: dict[str, Trace] = {}
    for trace in touches.traces(buyer_id, asked, _searched_from(paid_at, rulebook)):
        before = found.get(trace.touch_id)
        if before is None or (before.refused is not None and trace.refused is None):
            found[trace.touch_id] = trace
    return list(found.values())


def _searched_from(paid_at: int, rulebook: Rulebook) -> int:
    """One candidate window more than counts, so that a touch that came too early is named."""
    return paid_at - 2 * rulebook.candidate_window


def _answer(one: LineExplained, asked: Asked, traces: Sequence[Trace], rulebook: Rulebook) -> Answer:
    told = one.told
    considered = [
        Heard(touch.touch_id, touch.touched_at, touch.verdict, verdict_sentence(touch.verdict))
        for touch in told.considered
        if asked.matches(touch)
    ]
    known = {heard.touch_id for heard in considered}
    missed = [_missed(trace, told.paid_at, told, rulebook) for trace in traces if trace.touch_id not in known]
    credited = [credit for credit in one.credits if asked.matches(credit.credit)]
    instead = [credit for credit in one.credits if not asked.matches(credit.credit)]
    rule = rule_of(told, rulebook)
    if credited:
        outcome, why = Outcome.CREDITED, f"{asked} is credited, by the {rule}"
    elif considered:
        outcome, why = Outcome.LOST, f"{asked} lost{_to_whom(instead)} by the {rule}: {_reasons(considered)}"
    else:
        outcome = Outcome.NO_CANDIDATE
        why = _no_candidate(asked, told.buyer_id, told.paid_at, missed, rulebook)
    return Answer(one, told.buyer_id, outcome, why, [*considered, *missed], credited, instead, rule)


def rule_of(told: Told, rulebook: Rulebook | None = None) -> str:
    """The policy that decided, with its model where the policy file at hand is of the same revision."""
    known = rulebook is not None and rulebook.revision == told.version.rules
    model = rulebook.models.get(told.policy) if rulebook is not None and known else None
    stated = f"policy {told.policy} (rules revision {told.version.rules}"
    return f"{stated}, model {model})" if model else f"{stated})"


def _to_whom(instead: Sequence[CreditExplained]) -> str:
    """The contents that are credited, where any is."""
    winners = dict.fromkeys(f"content {one.credit.content_id} of {one.credit.koc_id}" for one in instead)
    return f" to {', '.join(winners)}" if winners else ""


def _reasons(heard: Sequence[Heard]) -> str:
    """Each reason once."""
    return "; ".join(dict.fromkeys(one.why for one in heard))


def _no_candidate(asked: Asked, buyer_id: str, paid_at: int, heard: Sequence[Heard], rulebook: Rulebook) -> str:
    if heard:
        return f"{asked} was no candidate: {_reasons(heard)}"
    since = format_rfc3339(_searched_from(paid_at, rulebook))
    return (
        f"{asked} was no candidate: neither the clicks log nor what was refused of it has a touch of buyer {buyer_id} "
        f"on it (looked for from {since} on, as far as it is kept)"
    )


def _missed(trace: Trace, paid_at: int, told: Told | None, rulebook: Rulebook) -> Heard:
    """Why a touch is not among what was considered."""
    if trace.refused is not None or trace.occurred_at is None:
        reason, detail = trace.refused or (Reason.INVALID_FIELD, "")
        meaning = REFUSED_BECAUSE.get(Reason(reason), reason) if reason in list(Reason) else reason
        word, why = reason, f"its {trace.kind} was refused as {reason}: {meaning} ({detail})"
    elif trace.occurred_at > paid_at:
        word, why = Missed.AFTER_PAYMENT, f"its {trace.kind} came after the payment at {format_rfc3339(paid_at)}"
    elif trace.occurred_at < paid_at - rulebook.candidate_window:
        days = rulebook.candidate_window // DAY
        word = Missed.BEFORE_WINDOW
        why = f"its {trace.kind} lies more than {days} days before the payment at {format_rfc3339(paid_at)}"
    elif told is None or trace.offset >= told.version.touch:
        word, why = Missed.ON_ITS_WAY, f"its {trace.kind} is not in the books yet: see `koc drain`"
    elif len(told.considered) >= MAX_CONSIDERED:
        word = Missed.NOT_LISTED
        why = f"more than {MAX_CONSIDERED} candidates were considered, and its {trace.kind} is not among the newest"
    else:
        word, why = Missed.NOT_LISTED, f"its {trace.kind} is in the clicks log and was not considered: see `koc doctor`"
    return Heard(trace.touch_id, trace.occurred_at, word, why)
