"""One valid event of every type, and what is wrong with several others: the source of the files in examples/.

Every invalid one is refused by the JSON Schema, by the models and by the services' own fast decoders.
"""

import copy
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from schemas.clicks import Click
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
from schemas.registry import ContentRegistered, PlanPublished, RelationSet, ScriptFeeAccepted, SpendReported
from schemas.topics import CLICKS, CREDITS, LEDGER, ORDERS, REGISTRY

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
    REGISTRY.name: {
        "plan.published": PlanPublished,
        "relation.set": RelationSet,
        "content.registered": ContentRegistered,
        "script_fee.accepted": ScriptFeeAccepted,
        "spend.reported": SpendReported,
    },
    CREDITS.name: {"credit": CreditAssertion},
    LEDGER.name: {"ledger_entry": LedgerEntry},
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


def _registered(kind: str, number: int, at: str, /, **more: Any) -> Event:
    return {"event_id": f"r{number}", "event_type": kind, "occurred_at": at, **more}


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
    "plan.published": _registered(
        "plan.published",
        1,
        "2026-10-01T00:00:00Z",
        plan_id="pl_1",
        version=1,
        kind="open",
        brand_id="br_2",
        product_ids=None,
        category_ids=None,
        koc_ids=None,
        campaign_id=None,
        platforms=None,
        rate_ppm=200_000,
        paid_traffic_rate_ppm=None,
        tiers=[],
        new_customer_bonus_minor=0,
        currency="CNY",
        base="goods_paid",
        splits=[
            {"role": "platform", "of": "commission", "share_ppm": 100_000},
            {"role": "mcn", "of": "koc", "share_ppm": 200_000},
            {"role": "recruiter", "of": "koc", "share_ppm": 125_000},
        ],
        return_window_days=7,
        effective_from="2026-10-01T00:00:00Z",
        effective_to=None,
    ),
    "relation.set": _registered(
        "relation.set",
        2,
        "2026-10-01T00:00:00Z",
        koc_id="k_7",
        parties={"mcn": "m_1"},
        effective_from="2026-10-01T00:00:00Z",
        effective_to=None,
    ),
    "content.registered": _registered(
        "content.registered",
        3,
        "2026-10-20T00:00:00Z",
        content_id="v_93",
        koc_id="k_7",
        platform="douyin",
        brand_id="br_2",
        campaign_id="c_1111",
        content_family_id="fam_4",
        script_fee_minor=30_000,
        currency="CNY",
    ),
    "script_fee.accepted": _registered("script_fee.accepted", 4, "2026-10-25T00:00:00Z", content_id="v_93"),
    "spend.reported": _registered(
        "spend.reported",
        5,
        "2026-11-02T00:00:00Z",
        content_id="v_93",
        spend_id="sp_1",
        amount_minor=100_000,
        currency="CNY",
        paid_by="brand",
    ),
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
}

_ABSENT = object()
_EVERY_EVENT: dict[str, tuple[str, Any]] = {
    "event_id-missing": ("event_id", _ABSENT),
    "event_id-with-a-space": ("event_id", "evt 1"),
    "occurred_at-without-offset": ("occurred_at", "2026-11-01T09:00:00"),
    "occurred_at-with-nanoseconds": ("occurred_at", "2026-11-01T09:00:00.123456789Z"),
    "event_type-unknown": ("event_type", "order.teleported"),
}
_SOME: dict[str, dict[str, tuple[str, Any]]] = {
    "click": {
        "koc_id-missing": ("koc_id", _ABSENT),
        "content_id-a-number": ("content_id", 93),
        "platform-in-capitals": ("platform", "Douyin"),
        "buyer_id-empty": ("buyer_id", ""),
    },
    "order.paid": {
        "money-negative": ("lines.0.goods_paid_minor", -1),
        "money-as-text": ("lines.0.goods_paid_minor", "20000"),
        "money-absurd": ("lines.0.goods_paid_minor", 10**15),
        "money-missing": ("lines.0.goods_paid_minor", _ABSENT),
        "quantity-a-boolean": ("lines.0.quantity", True),
        "currency-in-small-letters": ("currency", "cny"),
        "currency-of-no-country": ("currency", "RMB"),
        "lines-none": ("lines", []),
    },
    "order.received": {"line_ids-empty": ("line_ids", [])},
    "order.refunded": {
        "refund-negative": ("lines.0.refund_minor", -5_000),
        "refund_id-missing": ("refund_id", _ABSENT),
    },
    "order.cancelled": {"reason-a-number": ("reason", 7)},
    "order.refund_reversed": {"line_id-missing": ("line_id", _ABSENT)},
    "order.completed": {"order_id-missing": ("order_id", _ABSENT)},
    "plan.published": {
        "rate-over-one": ("rate_ppm", 1_000_001),
        "rate-a-fraction": ("rate_ppm", 0.2),
        "kind-unknown": ("kind", "secret"),
        "effective_from-missing": ("effective_from", _ABSENT),
    },
    "relation.set": {"parties-a-list": ("parties", ["m_1"])},
    "content.registered": {"script_fee-negative": ("script_fee_minor", -1)},
    "script_fee.accepted": {"content_id-missing": ("content_id", _ABSENT)},
    "spend.reported": {"paid_by-unknown": ("paid_by", "nobody"), "currency-gold": ("currency", "XAU")},
    "credit": {
        "status-unknown": ("status", "lost"),
        "version-incomplete": ("version.order", _ABSENT),
        "weight-zero": ("credits.0.weight_ppm", 0),
        "steps-none": ("steps", []),
    },
    "ledger_entry": {
        "one-leg": ("legs", [{"account": "brand:br_2:accrued", "amount_minor": 4_000}]),
        "hash-too-short": ("hash", "5f70"),
        "seq-zero": ("seq", 0),
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
    """Set, or for _ABSENT remove, what lies at a path of names and indexes."""
    for step in path[:-1]:
        event = event[int(step)] if isinstance(event, list) else event[step]
    if value is _ABSENT:
        del event[path[-1]]
    else:
        event[path[-1]] = value
