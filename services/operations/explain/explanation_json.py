"""An explained order as JSON for a program: amounts in minor units, times in RFC 3339, debits positive."""

from typing import Any

from services.kernel.time import format_rfc3339
from services.operations.explain.explain import CreditExplanation, LineExplanation, OrderExplanation
from services.operations.explain.refunds import RefundExplanation
from services.operations.explain.settling_json import settling_json
from services.operations.explain.sources import ConsideredTouch, NotExplained, OrderLogRecord
from services.operations.explain.verdicts import verdict_sentence
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.domain.book.positions import Position
from services.settlement.domain.pricing.relations import fills


def order_json(explanation: OrderExplanation) -> dict[str, Any]:
    """A JSON object."""
    return {
        "order_id": explanation.order_id,
        "remarks": list(explanation.remarks),
        "lines": [_line_json(one) for one in explanation.lines],
        "refused": [_refused_json(record) for record in explanation.refused],
    }


def not_explained_json(order_id: str, answer: NotExplained) -> dict[str, Any]:
    """The object for an order that there is nothing to explain of."""
    refused = [_refused_json(record) for record in answer.refused]
    return {"order_id": order_id, "not_explained": str(answer), "refused": refused}


def _refused_json(record: OrderLogRecord) -> dict[str, Any]:
    refusal = record.refusal._asdict() if record.refusal else {}
    names = {name: getattr(record, name) for name in ("event_type", "event_id", "buyer_id")}
    return {**names, **refusal, **record.position._asdict()}


def _line_json(one: LineExplanation) -> dict[str, Any]:
    told, line = one.told, one.line
    return {
        "line_id": told.line_id,
        "buyer_id": told.buyer_id,
        "brand_id": told.brand_id,
        "product_id": told.product_id,
        "currency": told.currency,
        "status": told.status,
        "paid_at": format_rfc3339(told.paid_at),
        "goods_paid_minor": told.goods_paid_minor,
        "refunded_minor": told.refunded_minor,
        "refunds": None if one.refunds is None else [_refund_json(refund) for refund in one.refunds],
        "standing": line.standing,
        "nothing_because": one.nothing_because,
        "remarks": list(one.remarks),
        "policy": told.policy,
        "rules": told.version.rules,
        "considered": [_touch_json(touch) for touch in told.considered],
        "credits": [_credit_json(credit) for credit in one.credits],
        "unpriced": line.unpriced,
        "unpriced_minor": line.unpriced_minor,
        "target": _position_json(one.target),
        "booked": _position_json(line.booked),
        **settling_json(one),
        "entries": [_entry_json(booked) for booked in one.entries],
    }


def _refund_json(one: RefundExplanation) -> dict[str, Any]:
    at = format_rfc3339(one.refund.occurred_at)
    return {**one.refund._asdict(), "occurred_at": at, "counted_minor": one.counted_minor, "why": one.why}


def _touch_json(touch: ConsideredTouch) -> dict[str, Any]:
    return {
        "touch_id": touch.touch_id,
        "content_id": touch.content_id,
        "koc_id": touch.koc_id,
        "touched_at": None if touch.touched_at is None else format_rfc3339(touch.touched_at),
        "verdict": touch.verdict,
        "why": verdict_sentence(touch.verdict),
    }


def _credit_json(credited: CreditExplanation) -> dict[str, Any]:
    credit, plan = credited.credit, credited.terms.plan
    keeps = [
        {"role": role, "party": fills(role, credit.koc_id, credited.terms.parties), "amount_minor": amount}
        for role, amount in credited.keeps.items()
    ]
    return {
        "koc_id": credit.koc_id,
        "content_id": credit.content_id,
        "campaign_id": credit.campaign_id,
        "traffic": credit.traffic,
        "weight_ppm": credit.weight_ppm,
        "plan_id": plan.plan_id if plan else None,
        "plan_version": plan.version if plan else None,
        "rate_ppm": credited.terms.rate_ppm if plan else None,
        "base": credited.base_kind,
        "base_minor": credited.base_minor,
        "commission_minor": credited.commission_minor if plan else None,
        "grant": credited.terms.grant._asdict() if credited.terms.grant else None,
        "bonus_minor": credited.terms.bonus_minor,
        "splits": [taken._asdict() for taken in credited.taken],
        "keeps": keeps if plan else [],
    }


def _entry_json(booked: JournalEntry) -> dict[str, Any]:
    entry = booked.entry
    return {
        "entry_id": booked.entry_id,
        "kind": entry.kind.text,
        "effective_at": format_rfc3339(entry.effective_at),
        "period": entry.period,
        "cause": entry.cause,
        "legs": [{"account": account, "amount_minor": minor} for account, minor in entry.legs.items()],
    }


def _position_json(position: Position) -> list[dict[str, Any]]:
    return [{"account": account, "amount_minor": amount} for account, amount in sorted(position.items())]
