"""What the topics must say: the reference over the logs as they lie there, by the public models and nothing of the
worker's own decoding or encoding."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from schemas import decoding
from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.domain import facts, horizons
from services.attribution.domain.assertion import MAX_CONSIDERED, Assertion
from services.attribution.policy.file import read_policy_file
from services.kernel.time import format_rfc3339
from services.runtime.deadletters import REROUTED, LogPosition
from services.runtime.kafka import partition_of
from tests.kit.topics import records
from tests.reference.attribution_reference import Limits, LogRecord, truth

Line = tuple[str, str, str]
"""buyer_id, order_id, line_id."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINE = ("line_id", "product_id", "sku_id", "brand_id", "category_id", "quantity", "goods_paid_minor",
         "platform_discount_minor", "shop_discount_minor", "tax_minor", "shipping_minor")  # fmt: skip
_TOUCH = ("platform", "koc_id", "content_id", "content_type", "product_id", "shop_id", "brand_id", "campaign_id",
          "traffic")  # fmt: skip


class Expected(NamedTuple):
    """The function of the logs: every line's message, and why which record is refused."""

    lines: dict[Line, dict[str, Any]]
    refused: dict[LogPosition, str]


def expected() -> Expected:
    """Read both input topics as they are now and work out what must follow."""
    policies = read_policy_file()
    result = Expected({}, {})
    logs = {topic: _accepted_by_form(topic, result.refused) for topic in (CLICKS.name, ORDERS.name)}
    limits = Limits(*(getattr(horizons, name.upper()) for name in Limits._fields))
    for partition in range(BUYER_PARTITIONS):
        clicks, orders = logs[CLICKS.name][partition], logs[ORDERS.name][partition]
        told = truth(clicks, orders, policies.horizons, policies.rules, limits)
        for line, assertion in told.lines.items():
            result.lines[line] = message(assertion, partition)
        for log, offset, reason in told.refused:
            topic = CLICKS.name if log == "clicks" else ORDERS.name
            result.refused[LogPosition(topic, partition, offset)] = reason
    return result


def _accepted_by_form(topic: str, refused: dict[LogPosition, str]) -> dict[int, list[LogRecord]]:
    """Each partition's log without strays and what is no event; the latter, and what strayed twice, is `refused`."""
    logs: dict[int, list[LogRecord]] = defaultdict(list)
    for record in sorted(records(topic), key=lambda one: (one.partition, one.offset)):
        position = LogPosition(topic, record.partition, record.offset)
        try:
            event = decoding.read(topic, record.value)
        except decoding.InvalidEvent as invalid:
            refused[position] = str(invalid.reason)
            continue
        if partition_of(event.buyer_id.encode(), BUYER_PARTITIONS) == record.partition:
            order_id = getattr(event, "order_id", "")
            said = LogRecord(record.offset, record.timestamp, event.buyer_id, order_id, _domain_event(event))
            logs[record.partition].append(said)
        elif any(name == REROUTED for name, _ in record.headers):
            refused[position] = "misrouted"
    return logs


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _domain_event(event: Any) -> facts.Touch | facts.Payment | facts.Fact:
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
    """An assertion as the contract writes it, without the policy's name."""
    payment, line, state, judgement = assertion.payment, assertion.line, assertion.state, assertion.judgement
    sold = {name: getattr(line, name) for name in _LINE if name not in {"tax_minor", "shipping_minor"}}
    bought = {name: getattr(payment, name) for name in ("order_id", "platform", "shop_id", "currency", "new_customer")}
    return sold | bought | {
        "buyer_id": assertion.buyer_id,
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
