"""What happens between the two runs: settled orders are refunded, cancelled, lost to another KOC; disputes end.

It is made of a shop week and of nothing else, so the same week has the same wave.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.topics import BUYER_PARTITIONS
from services.demo import poison
from services.demo.events import KINDS_OF_CLICK, Event, click, later
from services.demo.settling_facts import (
    APART,
    CANCELLED,
    FULLY_REFUNDED,
    HALF_REFUNDED,
    HELD,
    REVERSED,
    cases,
    later_facts,
)
from services.demo.shop_week import BEGIN, CONTENTS, DUE_BEFORE, KOCS, PLATFORMS, Week, due_orders, paid_orders
from services.kernel.time import DAY, HOUR, MINUTE, parse_rfc3339
from services.runtime.kafka import partition_of

AT = BEGIN + 16 * DAY
"""When the wave begins: two days after the first run."""
LATE_TOUCH_EVERY = 12
TOUCHED_LATE_FROM = DUE_BEFORE - DAY + 4 * HOUR
"""The week's touches end two days and an hour after DUE_BEFORE; three days before their end a touch is too late."""


@dataclass
class Wave:
    """The wave's facts and events, and whom it hit: order ids by what happened to them."""

    registry: list[Event]
    log: list[Event]
    hit: dict[str, list[str]]


class _Case(NamedTuple):
    """A kind of event of the wave: its name and the orders that it happens to."""

    name: str
    orders: Sequence[Event]


def second_wave(week: Week) -> Wave:
    """The wave that follows a week."""
    orders = paid_orders(week.log)
    due = due_orders(week.log)
    wave = Wave(list(later_facts(BEGIN, due)), [], defaultdict(list))
    for case in _cases(orders, due):
        for number, order in enumerate(case.orders):
            wave.hit[case.name].append(order["order_id"])
            wave.log += _events(case.name, order, number)
    return wave


def quiet_first(week: Week, orders: Sequence[str]) -> list[str]:
    """Orders by how much their buyers touched in the week: those with the shortest explanation first."""
    touches = Counter(event["buyer_id"] for event in week.log if event["event_type"] in KINDS_OF_CLICK)
    known = paid_orders(week.log)
    return sorted(orders, key=lambda order: touches[known[order]["buyer_id"]])


def _cases(orders: dict[str, Event], due: Sequence[str]) -> Iterator[_Case]:
    """Who is hit by what; an order is hit by one thing."""
    places = {"refund": FULLY_REFUNDED, "half": HALF_REFUNDED, "reversal": REVERSED, "cancellation": CANCELLED}
    for name, place in places.items():
        yield _Case(name, [orders[order] for order in cases(due, place)])
    untouched = [orders[order] for number, order in enumerate(due) if number % APART > HELD]
    yield _Case("late touch", [order for order in untouched if _can_be_touched_late(order)][::LATE_TOUCH_EVERY])


def _events(name: str, order: Event, number: int) -> Iterator[Event]:
    """What happens to an order."""
    at, buyer, order_id, line = AT + number * MINUTE, order["buyer_id"], order["order_id"], order["lines"][0]
    if name == "cancellation":
        yield later("cancelled", "cancelled", order_id, at, buyer, line_ids=None, reason="recalled")
    elif name == "late touch":
        yield _late_touch(order, number)
    else:
        amount = line["goods_paid_minor"] // (2 if name == "half" else 1)
        refund = [{"line_id": line["line_id"], "refund_minor": amount, "quantity": 0}]
        yield later("refunded", "refund_w", order_id, at, buyer, refund_id="rf_w", lines=refund)
        if name == "reversal":
            back = {"refund_id": "rf_w", "line_id": line["line_id"]}
            yield later("refund_reversed", "reversal_w", order_id, at + DAY, buyer, **back)


def _late_touch(order: Event, number: int) -> Event:
    """A code of another content, entered a minute before the payment and told more than a week after it."""
    content, line = (7 * number + 1) % CONTENTS, order["lines"][0]
    return click(
        f"t_late_{order['order_id']}",
        parse_rfc3339(order["occurred_at"]) - MINUTE,
        order["buyer_id"],
        f"v_{content}",
        f"k_{content % KOCS}",
        event_type="code",
        platform=PLATFORMS[content % len(PLATFORMS)],
        product_id=line["product_id"],
        shop_id=order["shop_id"],
        brand_id=line["brand_id"],
    )


def _can_be_touched_late(order: Event) -> bool:
    """Whether a touch before the payment is less late than acceptance allows, and no declaration outdoes it.

    Around the poison the touches end later than the week's.
    """
    paid_at = parse_rfc3339(order["occurred_at"])
    partition = partition_of(order["buyer_id"].encode(), BUYER_PARTITIONS)
    return paid_at > TOUCHED_LATE_FROM and order["declared"] is None and partition not in poison.partitions()
