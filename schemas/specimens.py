"""One valid event of every type, and what is wrong with several others: the source of the files in examples/.

Every invalid one is refused by the JSON Schema, by the models and by the services' own fast decoders.
"""

import copy
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from schemas.clicks import Click
from schemas.commands import Command
from schemas.credits import CreditAssertion
from schemas.ledger import LedgerEntry
from schemas.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderPaid,
    OrderReceived,
    OrderRefunded,
    OrderRefundReversed,
)
from schemas.registry_specimens import ABSENT, REGISTRY_MODELS, REGISTRY_VALID, REGISTRY_WRONG
from schemas.statement_specimens import STATEMENT
from schemas.statements import IssuedStatement
from schemas.topics import CLICKS, COMMANDS, CREDITS, LEDGER, ORDERS, REGISTRY, STATEMENTS

Event = dict[str, Any]

MODELS: dict[str, dict[str, type[BaseModel]]] = {
    CLICKS.name: {"click": Click},
    ORDERS.name: {
        "order.paid": OrderPaid,
        "order.received": OrderReceived,
        "order.refunded": OrderRefunded,
        "order.cancelled": OrderCancelled,
        "order.refund_reversed": OrderRefundReversed,
        "order.completed": OrderCompleted,
    },
    REGISTRY.name: REGISTRY_MODELS,
    CREDITS.name: {"credit": CreditAssertion},
    LEDGER.name: {"ledger_entry": LedgerEntry},
    COMMANDS.name: {"command": Command},
    STATEMENTS.name: {"issued_statement": IssuedStatement},
}
"""Topic -> name of a message type -> its model. The name is the event_type where there is one."""


def _order(kind: str, name: str, at: str, /, **more: Any) -> Event:
    return {
        "event_id": f"o1_{name}",
        "event_type": kind,
        "occurred_at": at,
        "order_id": "o_1",
        "buyer_id": "b_1",
        **more,
    }


VALID: dict[str, Event] = {
    "click": {
        "event_id": "clk_01",
        "event_type": "click",
        "occurred_at": "2026-11-01T08:00:00.123Z",
        "platform": "douyin",
        "buyer_id": "b_1",
        "koc_id": "k_7",
        "content_id": "v_93",
        "content_type": "video",
        "product_id": "p_5",
        "shop_id": "s_1",
        "brand_id": "br_2",
        "campaign_id": "c_1111",
        "traffic": "natural",
    },
    "order.paid": _order(
        "order.paid",
        "paid",
        "2026-11-01T17:00:00+08:00",
        platform="douyin",
        shop_id="s_1",
        currency="CNY",
        new_customer=False,
        declared=None,
        lines=[
            {
                "line_id": "1",
                "product_id": "p_5",
                "sku_id": "p_5_red",
                "brand_id": "br_2",
                "category_id": "cat_1",
                "quantity": 1,
                "goods_paid_minor": 20_000,
                "platform_discount_minor": 0,
                "shop_discount_minor": 0,
                "tax_minor": 0,
                "shipping_minor": 0,
            }
        ],
    ),
    "order.received": _order("order.received", "recv", "2026-11-04T09:00:00Z", line_ids=None),
    "order.refunded": _order(
        "order.refunded",
        "ref",
        "2026-11-05T09:00:00Z",
        refund_id="rf_1",
        lines=[{"line_id": "1", "refund_minor": 5_000, "quantity": 0}],
    ),
    "order.cancelled": _order("order.cancelled", "canc", "2026-11-05T10:00:00Z", line_ids=["1"], reason="oversold"),
    "order.refund_reversed": _order(
        "order.refund_reversed", "rrev", "2026-11-06T09:00:00Z", refund_id="rf_1", line_id="1"
    ),
    "order.completed": _order("order.completed", "done", "2026-11-12T09:00:00Z"),
    **REGISTRY_VALID,
    "credit": {
        "order_id": "o_1",
        "line_id": "1",
        "buyer_id": "b_1",
        "platform": "douyin",
        "shop_id": "s_1",
        "brand_id": "br_2",
        "product_id": "p_5",
        "sku_id": "p_5_red",
        "category_id": "cat_1",
        "currency": "CNY",
        "quantity": 1,
        "new_customer": False,
        "goods_paid_minor": 20_000,
        "platform_discount_minor": 0,
        "shop_discount_minor": 0,
        "refunded_minor": 5_000,
        "status": "received",
        "paid_at": "2026-11-01T09:00:00Z",
        "received_at": "2026-11-04T09:00:00Z",
        "completed_at": None,
        "as_of": "2026-11-05T09:00:00Z",
        "steps": [
            {"event_id": "o1_paid", "at": "2026-11-01T09:00:00Z", "refunded_minor": 0, "cancelled": False},
            {"event_id": "o1_ref", "at": "2026-11-05T09:00:00Z", "refunded_minor": 5_000, "cancelled": False},
        ],
        "policy": "last_click",
        "credits": [
            {
                "content_id": "v_93",
                "koc_id": "k_7",
                "campaign_id": "c_1111",
                "traffic": "natural",
                "touch_id": "clk_01",
                "touched_at": "2026-11-01T08:00:00.123Z",
                "weight_ppm": 1_000_000,
            }
        ],
        "considered": [
            {
                "touch_id": "clk_01",
                "content_id": "v_93",
                "koc_id": "k_7",
                "touched_at": "2026-11-01T08:00:00.123Z",
                "verdict": "credited",
            }
        ],
        "version": {"log": 0, "rules": 1, "touch": 1_041, "order": 77},
        "source_partition": 3,
    },
    "ledger_entry": {
        "entry_id": "3-118",
        "idem_key": "credit|1|3|1041|o_1/1/b_1|0",
        "cause": "o1_paid",
        "kind": "commission.accrued",
        "currency": "CNY",
        "effective_at": "2026-11-01T09:00:00Z",
        "recorded_at": "2026-11-01T09:00:04.25Z",
        "order_id": "o_1",
        "line_id": "1",
        "legs": [
            {"account": "brand:br_2:accrued", "amount_minor": 4_000},
            {"account": "koc:k_7:pending", "amount_minor": -2_880},
            {"account": "mcn:m_1:pending", "amount_minor": -720},
            {"account": "platform:fee_deferred", "amount_minor": -400},
        ],
        "corrects": None,
        "period": "2026-11",
        "writer": 3,
        "seq": 118,
        "prev_hash": "0" * 64,
        "hash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    },
    "command": {
        "seq": 17,
        "command_id": "run-2026-12-01",
        "kind": "settlement.run",
        "by": "ann",
        "reason": "weekly",
        "at": "2026-12-01T02:00:07.5Z",
        "body": {"as_of": "2026-12-01T02:00:00Z"},
        "point": {
            "generation": 0,
            "credits": [0] * 3 + [1_042] + [0] * 8,
            "registry": 88,
            "commands": 16,
            "seqs": [0] * 3 + [118] + [0] * 8 + [2],
        },
        "result": {"lines": 1, "plan_sha256": "0a" * 32},
        "prev_hash": "0" * 64,
        "hash": "538170bbbd6d1c4b5cbb620565b312dd922a0288815204c556639dc65d95b453",
    },
    "issued_statement": STATEMENT,
}

_EVERY_EVENT: dict[str, tuple[str, Any]] = {
    "event_id-missing": ("event_id", ABSENT),
    "event_id-with-a-space": ("event_id", "evt 1"),
    "occurred_at-without-offset": ("occurred_at", "2026-11-01T09:00:00"),
    "occurred_at-with-nanoseconds": ("occurred_at", "2026-11-01T09:00:00.123456789Z"),
    "event_type-unknown": ("event_type", "order.teleported"),
}
_SOME: dict[str, dict[str, tuple[str, Any]]] = {
    "click": {
        "koc_id-missing": ("koc_id", ABSENT),
        "content_id-a-number": ("content_id", 93),
        "platform-in-capitals": ("platform", "Douyin"),
        "buyer_id-empty": ("buyer_id", ""),
    },
    "order.paid": {
        "money-negative": ("lines.0.goods_paid_minor", -1),
        "money-as-text": ("lines.0.goods_paid_minor", "20000"),
        "money-absurd": ("lines.0.goods_paid_minor", 10**15),
        "money-missing": ("lines.0.goods_paid_minor", ABSENT),
        "quantity-a-boolean": ("lines.0.quantity", True),
        "currency-in-small-letters": ("currency", "cny"),
        "currency-of-no-country": ("currency", "RMB"),
        "lines-none": ("lines", []),
    },
    "order.received": {"line_ids-empty": ("line_ids", [])},
    "order.refunded": {
        "refund-negative": ("lines.0.refund_minor", -5_000),
        "refund_id-missing": ("refund_id", ABSENT),
    },
    "order.cancelled": {"reason-a-number": ("reason", 7)},
    "order.refund_reversed": {"line_id-missing": ("line_id", ABSENT)},
    "order.completed": {"order_id-missing": ("order_id", ABSENT)},
    **REGISTRY_WRONG,
    "credit": {
        "status-unknown": ("status", "lost"),
        "version-incomplete": ("version.order", ABSENT),
        "weight-zero": ("credits.0.weight_ppm", 0),
        "steps-none": ("steps", []),
    },
    "ledger_entry": {
        "one-leg": ("legs", [{"account": "brand:br_2:accrued", "amount_minor": 4_000}]),
        "hash-too-short": ("hash", "5f70"),
        "seq-zero": ("seq", 0),
    },
    "command": {
        "kind-one-word": ("kind", "run"),
        "by-nobody": ("by", ""),
        "body-a-text": ("body", "as_of 2026-12-01"),
        "point-without-seqs": ("point.seqs", ABSENT),
        "seq-zero": ("seq", 0),
    },
    "issued_statement": {
        "party-without-role": ("party", "k_7"),
        "path-without-side": ("path", ["ab" * 32]),
        "closing-a-text": ("statement.balance.closing.balance_minor", "1890"),
        "revision-zero": ("revision", 0),
    },
}


def invalid(name: str) -> Iterator[tuple[str, Event]]:
    """What is wrong, and an event of this type with exactly that wrong."""
    everywhere = _EVERY_EVENT if "event_type" in VALID[name] else {}
    for wrong, (path, value) in {**everywhere, **_SOME[name]}.items():
        event = copy.deepcopy(VALID[name])
        _put(event, path.split("."), value)
        yield wrong, event


def _put(event: Any, path: list[str], value: Any) -> None:
    """Set, or for ABSENT remove, what lies at a path of names and indexes."""
    for step in path[:-1]:
        event = event[int(step)] if isinstance(event, list) else event[step]
    if value is ABSENT:
        del event[path[-1]]
    else:
        event[path[-1]] = value
