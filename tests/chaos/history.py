"""Six weeks of a shop as a seed makes them arrive: early, late, twice, contradicted, misplaced, broken, too many."""

import json
import random
from collections.abc import Iterator

from schemas.topics import BUYER_PARTITIONS
from services.demo.events import KINDS_OF_CLICK, Event, click, later, line, paid, record
from services.demo.shop_week import BEGIN, arrivals, shop_week
from services.kernel.time import DAY, HOUR, MINUTE, format_rfc3339, parse_rfc3339
from services.runtime.deadletters import REROUTED
from services.runtime.kafka import partition_of
from services.runtime.publishing import Outgoing

WEEKS = 6
_LATE, _CONFLICT, _LOST_ORDER, _WRONG_LINE, _BROKEN, _ASTRAY, _MARKED = 0.03, 0.01, 0.005, 0.004, 0.01, 0.012, 0.003
"""Shares of the events that something is done to."""
_AFTER_THEIR_ORDER = 0.3
"""Share of the touches that come a day or two late, when their order is known and has been credited already."""
_BOT_TOUCHES = 230


def slices(seed: int, orders: int, count: int) -> list[list[Outgoing]]:
    """The history's records in their order of arrival, cut into so many parts."""
    chance = random.Random(seed)
    events = _later_ones(chance, _weeks(orders, seed))
    records = [record for event in events for record in _arrived(chance, event)]
    size = -(-len(records) // count)
    return [records[at : at + size] for at in range(0, len(records), size)]


def _weeks(orders: int, seed: int) -> list[Event]:
    """The shop week again and again, going back in time, with the same buyers; a bot on one day."""
    events: list[Event] = []
    for week in range(WEEKS):
        log = arrivals(shop_week(orders // WEEKS, seed + week).log, seed + week)
        events += [_moved(event, week) for event in log]
    at = BEGIN - 20 * DAY
    events += [click(f"bot_{i}", at + i * MINUTE, "b_bot", f"v_{i % 9}", "k_1") for i in range(_BOT_TOUCHES)]
    events.append(paid("o_bot", at + DAY, "b_bot", [line("1", 5_000)]))
    return events


def _moved(event: Event, week: int) -> Event:
    """The same event so many weeks earlier, of an order of its own; the buyer stays who he is."""
    moved = event | {
        "event_id": f"w{week}_{event['event_id']}",
        "occurred_at": format_rfc3339(parse_rfc3339(event["occurred_at"]) - week * 7 * DAY),
    }
    return moved | ({"order_id": f"w{week}_{event['order_id']}"} if "order_id" in event else {})


def _later_ones(chance: random.Random, events: list[Event]) -> list[Event]:
    """In the order of arrival: hours late, so that orders come before their clicks, and a few by weeks."""

    def arrives(event: Event) -> int:
        late = chance.randrange(30 * DAY) if chance.random() < _LATE else 0
        if event["event_type"] in KINDS_OF_CLICK and chance.random() < _AFTER_THEIR_ORDER:
            late += chance.randrange(2 * DAY)
        return parse_rfc3339(event["occurred_at"]) + chance.randrange(36 * HOUR) + late

    return [event for _, _, event in sorted((arrives(event), i, event) for i, event in enumerate(events))]


def _arrived(chance: random.Random, event: Event) -> Iterator[Outgoing]:
    """An event's record, where it should be or not, with what else is made of it."""
    one = record(event)
    if chance.random() < _ASTRAY:
        one = _misplaced(chance, one)
    yield one
    if chance.random() < _MARKED:
        yield _misplaced(chance, one)._replace(headers=((REROUTED, b"once"),))
    if chance.random() < _CONFLICT:
        yield record(_contradicted(event))
    if chance.random() < _BROKEN:
        yield one._replace(value=_broken(chance, event))
    if event["event_type"] == "order.paid":
        yield from _senseless(chance, event)


def _misplaced(chance: random.Random, one: Outgoing) -> Outgoing:
    """A record in a partition that is not its key's."""
    assert one.key is not None
    right = partition_of(one.key, BUYER_PARTITIONS)
    return one._replace(partition=(right + chance.randrange(1, BUYER_PARTITIONS)) % BUYER_PARTITIONS)


def _contradicted(event: Event) -> Event:
    """Another content under the same event_id."""
    if event["event_type"] in KINDS_OF_CLICK:
        return event | {"content_id": "v_contradicted"}
    return event | {"occurred_at": format_rfc3339(parse_rfc3339(event["occurred_at"]) + HOUR)}


def _broken(chance: random.Random, event: Event) -> bytes | None:
    """What a careless publisher sends."""
    return chance.choice(
        (
            None,
            b"{broken",
            b"[]",
            json.dumps({name: value for name, value in event.items() if name != "buyer_id"}).encode(),
            json.dumps(event | {"event_type": "glance"}).encode(),
            json.dumps(event | {"event_id": "with a space"}).encode(),
            json.dumps(event | {"event_id": f"{event['event_id']}_f", "occurred_at": "2090-01-01T00:00:00Z"}).encode(),
        )
    )


def _senseless(chance: random.Random, order: Event) -> Iterator[Outgoing]:
    """Events of an order that never was, or of a line that it does not have."""
    at, buyer = parse_rfc3339(order["occurred_at"]) + HOUR, order["buyer_id"]
    if chance.random() < _LOST_ORDER:
        yield record(later("received", "lost", f"{order['order_id']}_lost", at, buyer))
    if chance.random() < _WRONG_LINE:
        lines = [{"line_id": "99", "refund_minor": 1}]
        yield record(later("refunded", "wrong", order["order_id"], at, buyer, refund_id="rf_w", lines=lines))
