"""Why not me? What became of one content or KOC in an order: credited, lost and to whom, or no candidate and why.

The books' assertion tells what was considered. Touches that were no candidate are looked up in the clicks log and among
its refused events, as far back as these are kept and looked through.
"""

from collections.abc import Sequence

from services.kernel.sentences import Sentence, with_commas, with_semicolons
from services.kernel.time import format_rfc3339, to_micros
from services.operations.explain.absence import absent_touch
from services.operations.explain.explain import CreditExplanation, LineExplanation, explained_lines
from services.operations.explain.inquiry import (
    ClaimOutcome,
    Inquiry,
    LineAnswer,
    Rulebook,
    TouchAnswer,
    TouchLibrary,
    TouchTrace,
    WhyNotAnswer,
)
from services.operations.explain.sources import ExplainableAssertion, Library, PublishedOrder
from services.operations.explain.unknown_order import find_order, not_explained
from services.operations.explain.verdicts import verdict_sentence


def why_not(
    order_id: str, inquiry: Inquiry, library: Library, touches: TouchLibrary, rulebook: Rulebook
) -> WhyNotAnswer:
    """What became of the party that is asked for, on each line.

    Raises:
        NotExplained: the order was never published, is on its way, was refused or not paid.
    """
    booked, published = find_order(order_id, library)
    if published is not None:
        answer = unattributed(order_id, inquiry, published, touches, rulebook)
        return WhyNotAnswer(order_id, inquiry, [answer])
    lines = explained_lines(booked, None)
    paid = {one.told.buyer_id: one.told.paid_at for one in lines}
    traces = {buyer: _traces(touches, buyer, inquiry, paid_at, rulebook) for buyer, paid_at in paid.items()}
    answers = [_answer(one, inquiry, traces[one.told.buyer_id], rulebook) for one in lines]
    return WhyNotAnswer(order_id, inquiry, answers)


def unattributed(
    order_id: str, inquiry: Inquiry, published: PublishedOrder, touches: TouchLibrary, rulebook: Rulebook
) -> LineAnswer:
    """The answer for a paid order that nobody could be credited for."""
    payment = published.payment
    if payment is None or published.on_its_way:
        raise not_explained(order_id, published)
    buyer_id, paid_at = payment.buyer_id, to_micros(payment.occurred_at)
    found = _traces(touches, buyer_id, inquiry, paid_at, rulebook)
    absent = [absent_touch(trace, paid_at, None, rulebook) for trace in found]
    why = _no_candidate(inquiry, buyer_id, paid_at, absent, rulebook)
    return LineAnswer(None, buyer_id, ClaimOutcome.NO_CANDIDATE, why, absent)


def _traces(
    touches: TouchLibrary, buyer_id: str, inquiry: Inquiry, paid_at: int, rulebook: Rulebook
) -> list[TouchTrace]:
    """Each touch once, its first acceptance before any refusal: a copy of an accepted one may well be refused."""
    found: dict[str, TouchTrace] = {}
    for trace in touches.traces(buyer_id, inquiry, _searched_from(paid_at, rulebook)):
        before = found.get(trace.touch_id)
        if before is None or (before.refusal is not None and trace.refusal is None):
            found[trace.touch_id] = trace
    return list(found.values())


def _searched_from(paid_at: int, rulebook: Rulebook) -> int:
    """One candidate window more than counts, so that a touch that came too early is named."""
    return paid_at - 2 * rulebook.candidate_window


def _answer(one: LineExplanation, inquiry: Inquiry, traces: Sequence[TouchTrace], rulebook: Rulebook) -> LineAnswer:
    """The answer for one line that the books know."""
    told = one.told
    # what the assertion says of the touches that were considered, then what the logs say of the others
    considered = [
        TouchAnswer(touch.touch_id, touch.touched_at, touch.verdict, verdict_sentence(touch.verdict))
        for touch in told.considered
        if inquiry.matches(touch)
    ]
    known = {touch.touch_id for touch in considered}
    absent = [absent_touch(trace, told.paid_at, told, rulebook) for trace in traces if trace.touch_id not in known]
    # who is credited decides the outcome
    credited = [credit for credit in one.credits if inquiry.matches(credit.credit)]
    instead = [credit for credit in one.credits if not inquiry.matches(credit.credit)]
    rule = rule_of(told, rulebook)
    if credited:
        outcome, why = ClaimOutcome.CREDITED, _credited(inquiry, rule, one.nothing_because)
    elif considered:
        outcome, why = ClaimOutcome.LOST, _lost(inquiry, instead, rule, _reasons(considered))
    else:
        outcome = ClaimOutcome.NO_CANDIDATE
        why = _no_candidate(inquiry, told.buyer_id, told.paid_at, absent, rulebook)
    return LineAnswer(one, told.buyer_id, outcome, why, [*considered, *absent], credited, instead, rule)


def rule_of(told: ExplainableAssertion, rulebook: Rulebook) -> str:
    """The policy that decided, with its model where the policy file at hand is of the same revision."""
    model = rulebook.models.get(told.policy) if rulebook.revision == told.version.rules else None
    policy, revision = told.policy, told.version.rules
    if model is None:
        return Sentence("policy {policy} (rules revision {revision})", policy=policy, revision=revision)
    return Sentence(
        "policy {policy} (rules revision {revision}, model {model})", policy=policy, revision=revision, model=model
    )


def _credited(inquiry: Inquiry, rule: str, nothing: str | None) -> str:
    """That the party is credited, and why it may yet earn nothing."""
    credited = Sentence("{inquiry} is credited, by the {rule}", inquiry=inquiry.sentence, rule=rule)
    if nothing is None:
        return credited
    return Sentence("{credited}, and earns nothing: {nothing}", credited=credited, nothing=nothing)


def _lost(inquiry: Inquiry, instead: Sequence[CreditExplanation], rule: str, reasons: str) -> str:
    """To which contents the party lost, where any is credited, and why."""
    if not instead:
        return Sentence("{inquiry} lost by the {rule}: {reasons}", inquiry=inquiry.sentence, rule=rule, reasons=reasons)
    winners = dict.fromkeys(
        Sentence("content {content_id} of {koc_id}", content_id=one.credit.content_id, koc_id=one.credit.koc_id)
        for one in instead
    )
    return Sentence(
        "{inquiry} lost to {winners} by the {rule}: {reasons}",
        inquiry=inquiry.sentence,
        winners=with_commas(list(winners)),
        rule=rule,
        reasons=reasons,
    )


def _reasons(touches: Sequence[TouchAnswer]) -> str:
    """Each reason once."""
    return with_semicolons(list(dict.fromkeys(one.why for one in touches)))


def _no_candidate(
    inquiry: Inquiry, buyer_id: str, paid_at: int, absent: Sequence[TouchAnswer], rulebook: Rulebook
) -> str:
    """Why the party was no candidate: each touch's reason, or that there is no touch."""
    if absent:
        return Sentence("{inquiry} was no candidate: {reasons}", inquiry=inquiry.sentence, reasons=_reasons(absent))
    return Sentence(
        "{inquiry} was no candidate: buyer {buyer_id} has no touch on it, neither in the clicks log nor among its "
        "refused events (searched from {since} on, as far as they are kept)",
        inquiry=inquiry.sentence,
        buyer_id=buyer_id,
        since=format_rfc3339(_searched_from(paid_at, rulebook)),
    )
