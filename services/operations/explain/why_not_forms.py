"""The answers to "why not me?" as text for a person and as JSON for a program."""

from collections.abc import Iterator
from typing import Any

from services.kernel.time import format_rfc3339
from services.operations.explain.explain import CreditExplained
from services.operations.explain.forms import money, percent
from services.operations.explain.why_not import Answer, Heard, WhyNot


def as_text(answered: WhyNot) -> Iterator[str]:
    """Lines of text."""
    yield f"order {answered.order_id}: what became of {answered.asked}"
    for answer in answered.answers:
        yield ""
        line = f"line {answer.line.told.line_id} · " if answer.line else ""
        yield f"{line}buyer {answer.buyer_id}: {answer.outcome.replace('_', ' ')}"
        yield f"  {answer.why}"
        for heard in answer.touches:
            yield f"  {_heard_text(heard)}"
        yield from _credits_text(answer)


def _heard_text(heard: Heard) -> str:
    if heard.occurred_at is None:
        return f"{heard.word:16} declared by the platform: {heard.why}"
    return f"{heard.word:16} {heard.touch_id}  {format_rfc3339(heard.occurred_at)}: {heard.why}"


def _credits_text(answer: Answer) -> Iterator[str]:
    if answer.line is None:
        return
    for credited in answer.credits:
        gets = f"commission {money(credited.commission_minor, answer.line)}, of which the KOC keeps "
        gets += money(credited.keeps.get("koc", 0), answer.line)
        if credited.terms.plan is None:
            gets = f"no plan prices it: {money(credited.base_minor, answer.line)} of base is unpriced"
        yield f"  has {_share(credited)}: {gets}"
    for credited in answer.instead:
        yield f"  {'also' if answer.credits else 'instead'}: {_share(credited)}"


def _share(credited: CreditExplained) -> str:
    credit = credited.credit
    return f"{percent(credit.weight_ppm)} to {credit.koc_id}, content {credit.content_id}"


def as_json(answered: WhyNot) -> dict[str, Any]:
    """A JSON object; amounts in minor units, times in RFC 3339. `line_id` is null where no line has any candidate."""
    return {
        "order_id": answered.order_id,
        "asked": answered.asked._asdict(),
        "lines": [_answer_json(answer) for answer in answered.answers],
    }


def _answer_json(answer: Answer) -> dict[str, Any]:
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
        "koc_minor": sum(one.keeps.get("koc", 0) for one in answer.credits),
        "touches": [
            heard._asdict() | {"occurred_at": None if heard.occurred_at is None else format_rfc3339(heard.occurred_at)}
            for heard in answer.touches
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
