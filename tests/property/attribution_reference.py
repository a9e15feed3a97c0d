"""What attribution must come to, computed the slow way: acceptance from each log alone, then every touch against every
order. It shares the rule and the fold with the product, but no state, no forgetting, no interleaving."""

from dataclasses import dataclass, field
from typing import NamedTuple

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
    """The limits on collections, small in tests."""

    touches_per_day: int
    facts_per_order: int


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
    known: dict[tuple[str, str], _PaidOrder] = {}
    waiting: dict[tuple[str, str], dict[int, Fact]] = {}
    mark = -(10**18)

    def refuse(offset: int, reason: str) -> None:
        result.refused.add(("orders", offset, reason))

    def add(paid: _PaidOrder, offset: int, fact: Fact) -> bool:
        lines = {line.line_id for line in paid.payment.lines}
        if not set(fact.lines_named()) <= lines:
            refuse(offset, "unknown_line")
        elif len(paid.facts) >= limits.facts_per_order:
            refuse(offset, "too_many")
        else:
            paid.facts[fact.event_id] = (offset, fact)
            return True
        return False

    for record in log:
        at, event, offset = (record.buyer_id, record.order_id), record.event, record.offset
        paid = known.get(at)
        if paid is not None and paid.payment.paid_at < mark - horizons.order_memory:
            paid = None
        earliest = mark - horizons.order_lateness
        alive = {o: f for o, f in waiting.get(at, {}).items() if f.occurred_at >= earliest}
        future = record.timestamp * 1000 + FUTURE
        if isinstance(event, Payment):
            if paid is not None:
                if paid.payment != event:
                    refuse(offset, "id_conflict")
            elif any(fact.event_id == event.event_id for fact in alive.values()):
                refuse(offset, "id_conflict")
            elif event.paid_at > future:
                refuse(offset, "in_future")
            elif event.paid_at < earliest:
                refuse(offset, "too_late")
            else:
                mark = max(mark, event.paid_at)
                paid = known[at] = _PaidOrder(event, offset)
                earliest = mark - horizons.order_lateness
                for waited, fact in alive.items():
                    if fact.occurred_at >= earliest:
                        del waiting[at][waited]
                        if add(paid, waited, fact):
                            mark = max(mark, fact.occurred_at)
        else:
            assert isinstance(event, Fact)
            same = paid.facts.get(event.event_id) if paid is not None else None
            waited_same = [fact for fact in alive.values() if fact.event_id == event.event_id]
            if paid is not None and event.event_id == paid.payment.event_id:
                refuse(offset, "id_conflict")
            elif same is not None or (paid is None and waited_same):
                if event != (same[1] if same else waited_same[0]):
                    refuse(offset, "id_conflict")
            elif event.occurred_at > future:
                refuse(offset, "in_future")
            elif paid is not None:
                if add(paid, offset, event):
                    mark = max(mark, event.occurred_at)
            elif event.occurred_at < earliest:
                refuse(offset, "too_late")
            elif len(alive) >= limits.facts_per_order:
                refuse(offset, "too_many")
            else:
                waiting.setdefault(at, {})[offset] = event
    for facts in waiting.values():
        for offset, fact in facts.items():
            if fact.occurred_at < mark - horizons.order_lateness:
                refuse(offset, "unknown_order")
    return known
