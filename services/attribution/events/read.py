"""Records of the input topics become domain events: decoded, and checked to be in their buyer's partition."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.topics import BUYER_PARTITIONS
from services.attribution.apply.ports import Source
from services.attribution.apply.records import OrderRecord, RefusedRecord, TouchRecord
from services.attribution.domain import facts
from services.attribution.events import decode
from services.kernel.errors import Refused
from services.runtime.deadletters import REROUTED
from services.runtime.kafka import partition_of


class StrayEvent(NamedTuple):
    """An event in another partition than its buyer's."""

    source: Source
    buyer_id: str


@dataclass(slots=True)
class Intake:
    """Records that the domain does not see: undecodable and misplaced ones."""

    refusals: list[RefusedRecord] = field(default_factory=list)
    strays: list[StrayEvent] = field(default_factory=list)

    def refuse(self, source: Source, refused: Refused) -> None:
        """Note a refused record."""
        self.refusals.append(RefusedRecord(source, refused.reason, refused.detail))

    def turn_away(self, source: Source, buyer_id: str, partition: int) -> None:
        """Note an event in another partition than its buyer's: to be rerouted, or refused if it was rerouted before."""
        if any(name == REROUTED for name, _ in source.headers):
            self.refuse(source, Refused("misrouted", f"buyer {buyer_id} does not belong to partition {partition}"))
        else:
            self.strays.append(StrayEvent(source, buyer_id))


@dataclass(slots=True)
class ClicksIntake(Intake):
    """The touches of a chunk, in the order of their log."""

    records: list[TouchRecord] = field(default_factory=list)


@dataclass(slots=True)
class OrdersIntake(Intake):
    """The order events of a chunk, in the order of their log."""

    records: list[OrderRecord] = field(default_factory=list)


def read_clicks(records: Iterable[Source], local: Container[str], partition: int) -> ClicksIntake:
    """Read a chunk of the clicks log. Buyers in `local` are known to belong to this partition."""
    intake = ClicksIntake()
    read, add, new = decode.read_click, intake.records.append, tuple.__new__
    for source in records:
        try:
            buyer_id, touch = read(source.value)
        except Refused as refused:
            intake.refuse(source, refused)
            continue
        if buyer_id in local or _belongs(buyer_id, partition):
            add(new(TouchRecord, (source, buyer_id, touch)))
        else:
            intake.turn_away(source, buyer_id, partition)
    return intake


def read_orders(records: Iterable[Source], local: Container[str], partition: int) -> OrdersIntake:
    """Read a chunk of the orders log. Buyers in `local` are known to belong to this partition."""
    intake = OrdersIntake()
    for source in records:
        try:
            event = decode.decode_order(source.value)
        except Refused as refused:
            intake.refuse(source, refused)
            continue
        buyer_id = event.buyer_id
        if buyer_id in local or _belongs(buyer_id, partition):
            intake.records.append(OrderRecord(source, buyer_id, event.order_id, _domain_event(event)))
        else:
            intake.turn_away(source, buyer_id, partition)
    return intake


def _belongs(buyer_id: str, partition: int) -> bool:
    """Whether this partition is the one of the buyer's key."""
    return partition_of(buyer_id.encode(), BUYER_PARTITIONS) == partition


def _domain_event(event: decode.OrderEvent) -> facts.Payment | facts.Fact:
    """An order event in the domain's words."""
    if isinstance(event, decode.OrderPaid):
        return _payment(event)
    line_ids: tuple[str, ...] | None = None
    refunds: tuple[tuple[str, int, int], ...] = ()
    refund_id, reason = "", None
    match event:
        case decode.OrderRefunded():
            kind, refund_id = facts.REFUNDED, event.refund_id
            refunds = tuple((line.line_id, line.refund_minor, line.quantity) for line in event.lines)
        case decode.OrderRefundReversed():
            kind, refund_id, line_ids = facts.REFUND_REVERSED, event.refund_id, (event.line_id,)
        case decode.OrderCancelled():
            kind, line_ids, reason = facts.CANCELLED, event.line_ids, event.reason
        case decode.OrderReceived():
            kind, line_ids = facts.RECEIVED, event.line_ids
        case _:
            kind = facts.COMPLETED
    return facts.Fact(kind, event.event_id, int(event.occurred_at), line_ids, refund_id, refunds, reason)


def _declaration(declared: decode.WireDeclaration) -> facts.Declaration:
    return facts.Declaration(declared.content_id, declared.koc_id, declared.campaign_id, declared.traffic)


def _payment(paid: decode.OrderPaid) -> facts.Payment:
    declared = None if paid.declared is None else _declaration(paid.declared)
    return facts.Payment(
        paid.event_id,
        paid.order_id,
        int(paid.occurred_at),
        paid.platform,
        paid.shop_id,
        paid.currency,
        paid.new_customer,
        declared,
        tuple(_line(line) for line in paid.lines),
    )


def _line(line: decode.OrderLine) -> facts.PaidLine:
    return facts.PaidLine(
        line.line_id,
        line.product_id,
        line.sku_id,
        line.brand_id,
        line.category_id,
        line.quantity,
        line.goods_paid_minor,
        line.platform_discount_minor,
        line.shop_discount_minor,
        line.tax_minor,
        line.shipping_minor,
    )
