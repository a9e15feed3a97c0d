"""Bad input of ten kinds, each with the reason that it must be refused with, and the good events that they need."""

import json
from typing import NamedTuple

from schemas.reasons import Reason
from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS, REGISTRY
from services.demo.events import click, later, line, paid, record
from services.demo.shop_week import NEAR_END
from services.kernel.time import DAY, HOUR
from services.runtime.kafka import partition_of
from services.runtime.publishing import Outgoing

BUYER, ASTRAY_BUYER = "b_poison", "b_astray"
GHOST_AT = NEAR_END - 5 * DAY


class Poison(NamedTuple):
    """A bad record, what is wrong with it, and the reason word that must come out."""

    kind: str
    reason: Reason
    record: Outgoing


def good() -> list[Outgoing]:
    """The good events around the bad ones: a touch and an order of the same buyer."""
    touch = click("good_click", NEAR_END - 2 * HOUR, BUYER, "v_1", "k_1")
    order = paid("o_good", NEAR_END - HOUR, BUYER, [line("1", 10_000)])
    return [record(touch), record(order)]


def bad() -> list[Poison]:
    """One record of each kind, to be published after `good()`."""
    key, at = BUYER.encode(), NEAR_END - HOUR
    touch = click("bad_click", at, BUYER, "v_1", "k_1")
    order = paid("o_bad", at, BUYER, [line("1", 500)])
    clicks, orders = CLICKS.name, ORDERS.name
    without_koc = {name: value for name, value in touch.items() if name != "koc_id"}
    no_line = later("refunded", "x", "o_good", at, BUYER, refund_id="rf", lines=[{"line_id": "9", "refund_minor": 1}])
    ghost = later("received", "ghost", "o_never", GHOST_AT, BUYER)
    return [
        Poison("broken JSON", Reason.INVALID_JSON, Outgoing(clicks, key, b'{"event_id": "bad_json", ')),
        Poison("wrong types", Reason.INVALID_FIELD, record({**touch, "content_id": 17})),
        Poison("unknown type", Reason.INVALID_TYPE, record({**order, "event_type": "order.teleported"})),
        Poison("missing field", Reason.INVALID_FIELD, record(without_koc)),
        Poison("negative money", Reason.INVALID_FIELD, record({**order, "lines": [line("1", -500)]})),
        Poison("absurd size", Reason.INVALID_SIZE, Outgoing(orders, key, b'{"x":"' + b"x" * 300_000 + b'"}')),
        Poison("id conflict", Reason.ID_CONFLICT, record(paid("o_good", at, BUYER, [line("1", 999)]))),
        Poison("in the future", Reason.IN_FUTURE, record({**touch, "occurred_at": "2099-01-01T00:00:00Z"})),
        Poison("unknown line", Reason.UNKNOWN_LINE, record(no_line)),
        Poison("order never comes", Reason.UNKNOWN_ORDER, record(ghost)),
    ]


def afterwards() -> list[Outgoing]:
    """An order so much later that what waits for an order that never comes is given up."""
    return [record(paid("o_later", GHOST_AT + 16 * DAY, BUYER, [line("1", 100)]))]


def misplaced() -> list[Outgoing]:
    """A good touch and order of another buyer, both in a partition that is not theirs: to be rerouted, counted once."""
    buyer, wrong = ASTRAY_BUYER, (_partition(ASTRAY_BUYER) + 1) % BUYER_PARTITIONS
    touch = click("astray_click", NEAR_END - 2 * HOUR, buyer, "v_2", "k_2")
    order = paid("o_astray", NEAR_END - HOUR, buyer, [line("1", 20_000)])
    return [record(event)._replace(partition=wrong) for event in (touch, order)]


def partitions() -> set[int]:
    """Where events later than the week's have come, so that late ones of the week are refused."""
    return {_partition(BUYER), _partition(ASTRAY_BUYER), (_partition(ASTRAY_BUYER) + 1) % BUYER_PARTITIONS}


def _partition(buyer: str) -> int:
    return partition_of(buyer.encode(), BUYER_PARTITIONS)


def registry() -> list[Poison]:
    """Reference data that makes no sense."""
    nonsense = {"event_id": "bad_plan", "event_type": "plan.published", "plan_id": "pl_bad"}
    return [
        Poison(
            "plan without a rate",
            Reason.INVALID_FIELD,
            Outgoing(REGISTRY.name, b"pl_bad", json.dumps(nonsense).encode()),
        )
    ]
