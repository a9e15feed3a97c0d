"""The answers to "why not me?" as text for a person and as JSON for a program."""

from collections.abc import Iterator
from typing import Any

from services.kernel.time import format_rfc3339
from services.operations.explain.explain import CreditExplanation, LineExplanation
from services.operations.explain.explanation_text import percent
from services.operations.explain.inquiry import LineAnswer, TouchAnswer, WhyNotAnswer
from services.operations.explain.remarks import money


def why_not_text(answered: WhyNotAnswer) -> Iterator[str]:
    """Lines of text."""
    yield f"order {answered.order_id}: what became of {answered.inquiry}"
    for answer in answered.answers:
        yield ""
        line = f"line {answer.line.told.line_id} · " if answer.line else ""
        yield f"{line}buyer {answer.buyer_id}: {answer.outcome.replace('_', ' ')}"
        yield f"  {answer.why}"
        for touch in answer.touches:
            yield f"  {_touch_text(touch)}"
        if answer.line is not None:
            yield from _credits_text(answer, answer.line)


def _touch_text(touch: TouchAnswer) -> str:
    if touch.occurred_at is None:
        return f"{touch.word:16} declared by the platform: {touch.why}"
    return f"{touch.word:16} {touch.touch_id}  {format_rfc3339(touch.occurred_at)}: {touch.why}"


def _credits_text(answer: LineAnswer, line: LineExplanation) -> Iterator[str]:
    """What the party has, then what others have."""
    for credited in answer.credits:
        yield f"  has {_share(credited)}: {_earnings(credited, line)}"
    for credited in answer.instead:
        yield f"  {'also' if answer.credits else 'instead'}: {_share(credited)}"


def _share(credited: CreditExplanation) -> str:
    credit = credited.credit
    return f"{percent(credit.weight_ppm)} to {credit.koc_id}, content {credit.content_id}"


def _earnings(credited: CreditExplanation, line: LineExplanation) -> str:
    """What a credit earns its KOC."""
    if line.nothing_because is not None:
        return f"{money(0, line.told)}, because {line.nothing_because}"
    if credited.terms.plan is None:
        return f"no plan prices it: {money(credited.base_minor, line.told)} of base is unpriced"
    commission, kept = (money(amount, line.told) for amount in (credited.commission_minor, _kept(credited)))
    return f"commission {commission}, of which the KOC keeps {kept}"


def _kept(credited: CreditExplanation) -> int:
    """What the KOC itself keeps of a credit's commission."""
    return credited.keeps.get("koc", 0)


def why_not_json(answered: WhyNotAnswer) -> dict[str, Any]:
    """A JSON object; amounts in minor units, times in RFC 3339. `line_id` is null where no line has any candidate."""
    return {
        "order_id": answered.order_id,
        "asked": answered.inquiry._asdict(),
        "lines": [_answer_json(answer) for answer in answered.answers],
    }


def _answer_json(answer: LineAnswer) -> dict[str, Any]:
    line = answer.line
    return {
        "line_id": line.told.line_id if line else None,
        "buyer_id": answer.buyer_id,
        "outcome": answer.outcome,
        "why": answer.why,
        "rule": answer.rule,
        "currency": line.told.currency if line else None,
        "weight_ppm": sum(one.credit.weight_ppm for one in answer.credits),
        "commission_minor": sum(one.commission_minor for one in answer.credits),
        "koc_minor": sum(_kept(one) for one in answer.credits),
        "nothing_because": line.nothing_because if line else None,
        "touches": [
            touch._asdict() | {"occurred_at": None if touch.occurred_at is None else format_rfc3339(touch.occurred_at)}
            for touch in answer.touches
        ],
        "instead": [
            {
                "koc_id": one.credit.koc_id,
                "content_id": one.credit.content_id,
                "weight_ppm": one.credit.weight_ppm,
            }
            for one in answer.instead
        ],
    }
