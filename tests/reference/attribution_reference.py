"""What attribution must come to, computed the slow way: acceptance from each log alone, then every touch against every
order. It shares the rule and the fold with the product, but no state, no forgetting, no interleaving."""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.attribution.domain import horizons as spans
from services.attribution.domain.assertion import Assertion, assertions
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment, Touch
from services.attribution.domain.horizons import FUTURE, Horizons
from services.attribution.domain.policy import Rules
from services.kernel.time import DAY


class LogRecord(NamedTuple):
    """A record of a log in memory, with its decoded event beside it."""

    offset: int
    timestamp: int
    buyer_id: str
    order_id: str
    event: Touch | Payment | Fact
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Limits(NamedTuple):
    """The limits on collections: the product's, smaller in tests."""

    touches_per_day: int = spans.TOUCHES_PER_DAY
    facts_per_order: int = spans.FACTS_PER_ORDER
    orders_per_buyer: int = spans.ORDERS_PER_BUYER
    waiting_per_buyer: int = spans.WAITING_PER_BUYER
    waiting_per_partition: int = spans.WAITING_PER_PARTITION


@dataclass
class _PaidOrder:
    payment: Payment
    offset: int
    facts: dict[str, tuple[int, Fact]] = field(default_factory=dict)


@dataclass
class Truth:
    """The function of the two logs."""

    lines: dict[tuple[str, str, str], Assertion] = field(default_factory=dict)
    refused: set[tuple[str, int, str]] = field(default_factory=set)


def truth(clicks: list[LogRecord], orders: list[LogRecord], horizons: Horizons, rules: Rules, limits: Limits) -> Truth:
    """Everything that must be published in the end, and everything that must be refused."""
    result = Truth()
    touches = _accepted_touches(clicks, horizons, limits, result)
    for (buyer_id, order_id), paid in _accepted_orders(orders, horizons, limits, result).items():
        buyer = Buyer(dict(touches.get(buyer_id, [])))
        paid_at = paid.payment.paid_at
        first: dict[str, int] = {}
        for offset, touch in touches.get(buyer_id, []):
            if paid_at - horizons.candidate_window <= touch.occurred_at <= paid_at:
                first.setdefault(touch.event_id, offset)
        next_offset = 1 + max([paid.offset, *(offset for offset, _ in paid.facts.values())])
        facts = {event_id: fact for event_id, (_, fact) in paid.facts.items()}
        order = Order(paid.payment, facts, next_offset, list(first.values()))
        for assertion in assertions(buyer_id, buyer, order, rules, 0):
            result.lines[buyer_id, order_id, assertion.line.line_id] = assertion
    return result


def _accepted_touches(
    log: list[LogRecord], horizons: Horizons, limits: Limits, result: Truth
) -> dict[str, list[tuple[int, Touch]]]:
    accepted: dict[str, list[tuple[int, Touch]]] = {}
    mark = -(10**18)
    for record in log:
        touch = record.event
        assert isinstance(touch, Touch)
        mine = accepted.setdefault(record.buyer_id, [])
        earliest = mark - horizons.touch_lateness
        same_id = [known for _, known in mine if known.event_id == touch.event_id and known.occurred_at >= earliest]
        if same_id:
            if same_id[-1] != touch:
                result.refused.add(("clicks", record.offset, "id_conflict"))
        elif touch.occurred_at > record.timestamp * 1000 + FUTURE:
            result.refused.add(("clicks", record.offset, "in_future"))
        elif touch.occurred_at < earliest:
            result.refused.add(("clicks", record.offset, "too_late"))
        elif sum(t.occurred_at // DAY == touch.occurred_at // DAY for _, t in mine) >= limits.touches_per_day:
            result.refused.add(("clicks", record.offset, "too_many"))
        else:
            mine.append((record.offset, touch))
            mark = max(mark, touch.occurred_at)
    return accepted


def _accepted_orders(
    log: list[LogRecord], horizons: Horizons, limits: Limits, result: Truth
) -> dict[tuple[str, str], _PaidOrder]:
    book = _OrderBook(horizons, limits)
    for record in log:
        reason = book.take(record)
        if reason:
            book.refused.add((record.offset, reason))
    for facts in book.waiting.values():
        for offset, fact in facts.items():
            if fact.occurred_at < book.mark - horizons.order_lateness:
                book.refused.add((offset, "unknown_order"))
    result.refused |= {("orders", offset, reason) for offset, reason in book.refused}
    return book.known


class _OrderBook:
    """The orders log's acceptance, forgetting nothing. `take` returns why a record is refused, None if it is not."""

    def __init__(self, horizons: Horizons, limits: Limits) -> None:
        self.horizons, self.limits = horizons, limits
        self.known: dict[tuple[str, str], _PaidOrder] = {}
        self.waiting: dict[tuple[str, str], dict[int, Fact]] = {}
        self.refused: set[tuple[int, str]] = set()
        self.mark = -(10**18)

    def take(self, record: LogRecord) -> str | None:
        at, event = (record.buyer_id, record.order_id), record.event
        paid = self.known.get(at)
        if paid is not None and paid.payment.paid_at < self.mark - self.horizons.order_memory:
            paid = None
        if isinstance(event, Payment):
            return self._take_payment(record, event, paid, self._alive(at))
        assert isinstance(event, Fact)
        if paid is not None:
            return self._take_fact(record, event, paid)
        return self._take_waiting(record, event, self._alive(at))

    def _earliest(self) -> int:
        return self.mark - self.horizons.order_lateness

    def _alive(self, at: tuple[str, str]) -> dict[int, Fact]:
        return {o: f for o, f in self.waiting.get(at, {}).items() if f.occurred_at >= self._earliest()}

    def _orders_known(self, buyer_id: str) -> int:
        known = [paid.payment.paid_at for (whose, _), paid in self.known.items() if whose == buyer_id]
        return sum(paid_at >= self.mark - self.horizons.order_memory for paid_at in known)

    def _waiting_of(self, buyer_ids: set[str]) -> int:
        return sum(len(self._alive(at)) for at in self.waiting if at[0] in buyer_ids)

    def _take_payment(
        self, record: LogRecord, event: Payment, paid: _PaidOrder | None, alive: dict[int, Fact]
    ) -> str | None:
        if paid is not None:
            return None if paid.payment == event else "id_conflict"
        if any(fact.event_id == event.event_id for fact in alive.values()):
            return "id_conflict"
        if event.paid_at > record.timestamp * 1000 + FUTURE:
            return "in_future"
        if event.paid_at < self._earliest():
            return "too_late"
        if self._orders_known(record.buyer_id) >= self.limits.orders_per_buyer:
            return "too_many"
        at = (record.buyer_id, record.order_id)
        self.mark = max(self.mark, event.paid_at)
        self.known[at] = _PaidOrder(event, record.offset)
        joining = {o: f for o, f in alive.items() if f.occurred_at >= self._earliest()}
        for offset, fact in joining.items():
            del self.waiting[at][offset]
            reason = self._add(self.known[at], offset, fact)
            if reason:
                self.refused.add((offset, reason))
        return None

    def _add(self, paid: _PaidOrder, offset: int, fact: Fact) -> str | None:
        if not set(fact.lines_named()) <= {line.line_id for line in paid.payment.lines}:
            return "unknown_line"
        if len(paid.facts) >= self.limits.facts_per_order:
            return "too_many"
        paid.facts[fact.event_id] = (offset, fact)
        self.mark = max(self.mark, fact.occurred_at)
        return None

    def _take_fact(self, record: LogRecord, event: Fact, paid: _PaidOrder) -> str | None:
        if event.event_id == paid.payment.event_id:
            return "id_conflict"
        if event.event_id in paid.facts:
            return None if paid.facts[event.event_id][1] == event else "id_conflict"
        if event.occurred_at > record.timestamp * 1000 + FUTURE:
            return "in_future"
        return self._add(paid, record.offset, event)

    def _take_waiting(self, record: LogRecord, event: Fact, alive: dict[int, Fact]) -> str | None:
        for fact in alive.values():
            if fact.event_id == event.event_id:
                return None if fact == event else "id_conflict"
        if event.occurred_at > record.timestamp * 1000 + FUTURE:
            return "in_future"
        if event.occurred_at < self._earliest():
            return "too_late"
        if self._waiting_of({record.buyer_id}) >= self.limits.waiting_per_buyer:
            return "too_many"
        if self._waiting_of({buyer_id for buyer_id, _ in self.waiting}) >= self.limits.waiting_per_partition:
            return "too_many"
        self.waiting.setdefault((record.buyer_id, record.order_id), {})[record.offset] = event
        return None
