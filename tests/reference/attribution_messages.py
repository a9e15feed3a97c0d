"""What a public event says to attribution's rules, and how the contract writes what they come to; said a second time,
by the public models and nothing of the worker's own decoding or encoding."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.attribution.domain import facts
from services.attribution.domain.assertion import MAX_CONSIDERED, Assertion
from services.kernel.time import format_rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINE = ("line_id", "product_id", "sku_id", "brand_id", "category_id", "quantity", "goods_paid_minor",
         "platform_discount_minor", "shop_discount_minor", "tax_minor", "shipping_minor")  # fmt: skip
_TOUCH = ("platform", "koc_id", "content_id", "content_type", "product_id", "shop_id", "brand_id", "campaign_id",
          "traffic")  # fmt: skip


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def domain_event(event: Any) -> facts.Touch | facts.Payment | facts.Fact:
    """A public event in the domain's words."""
    at = _micros(event.occurred_at)
    if not event.event_type.startswith("order."):
        return facts.Touch(event.event_id, event.event_type, at, *(getattr(event, name) for name in _TOUCH))
    if event.event_type == "order.paid":
        return _payment(event, at)
    refunds: tuple[tuple[str, int, int], ...] = ()
    line_ids = getattr(event, "line_ids", None)
    if event.event_type == facts.REFUNDED:
        refunds = tuple((line.line_id, line.refund_minor, line.quantity) for line in event.lines)
    if event.event_type == facts.REFUND_REVERSED:
        line_ids = [event.line_id]
    named = None if line_ids is None else tuple(line_ids)
    refund_id, reason = getattr(event, "refund_id", ""), getattr(event, "reason", None)
    return facts.Fact(event.event_type, event.event_id, at, named, refund_id, refunds, reason)


def _payment(event: Any, at: int) -> facts.Payment:
    declared = event.declared and facts.Declaration(
        event.declared.content_id, event.declared.koc_id, event.declared.campaign_id, event.declared.traffic
    )
    lines = tuple(facts.PaidLine(*(getattr(line, name) for name in _LINE)) for line in event.lines)
    return facts.Payment(
        event.event_id, event.order_id, at, event.platform, event.shop_id, event.currency, event.new_customer,
        declared, lines,
    )  # fmt: skip


def message(assertion: Assertion, partition: int) -> dict[str, Any]:
    """An assertion as the contract writes it."""
    payment, line, state, judgement = assertion.payment, assertion.line, assertion.state, assertion.judgement
    sold = {name: getattr(line, name) for name in _LINE if name not in {"tax_minor", "shipping_minor"}}
    bought = {name: getattr(payment, name) for name in ("order_id", "platform", "shop_id", "currency", "new_customer")}
    return sold | bought | {
        "buyer_id": assertion.buyer_id,
        "policy": assertion.policy,
        "refunded_minor": state.refunded_minor,
        "status": state.status,
        "paid_at": format_rfc3339(payment.paid_at),
        "received_at": _time(state.received_at),
        "completed_at": _time(state.completed_at),
        "as_of": format_rfc3339(assertion.as_of),
        "steps": [step._asdict() | {"at": format_rfc3339(step.at)} for step in state.steps],
        "credits": [credit._asdict() | {"touched_at": _time(credit.touched_at)} for credit in judgement.credits],
        "considered": _considered(assertion)[:MAX_CONSIDERED],
        "version": assertion.vector._asdict(),
        "source_partition": partition,
    }  # fmt: skip


def _considered(assertion: Assertion) -> list[dict[str, Any]]:
    """Every candidate with its verdict: first the platform's declaration, then touches from the latest on."""
    judged = [
        (touch.event_id, touch.content_id, touch.koc_id, format_rfc3339(touch.occurred_at), verdict)
        for touch, verdict in zip(assertion.candidates, assertion.judgement.verdicts, strict=True)
    ]
    declared = assertion.payment.declared
    first = [(None, declared.content_id, declared.koc_id, None, assertion.judgement.declared)] if declared else []
    names = ("touch_id", "content_id", "koc_id", "touched_at", "verdict")
    return [dict(zip(names, one, strict=True)) for one in (*first, *judged)]


def _time(at: int | None) -> str | None:
    return None if at is None else format_rfc3339(at)
