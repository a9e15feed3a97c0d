"""Events as the demo and the tests make them: plain dictionaries, and their records."""

import json
from typing import Any

from schemas.entities import KEY_FIELDS
from schemas.house import HOUSE_KEY
from schemas.topics import CLICKS, ORDERS, REGISTRY
from services.kernel.time import format_rfc3339
from services.runtime.publishing import Outgoing

Event = dict[str, Any]
KINDS_OF_CLICK = ("click", "view", "code")


def record(event: Event) -> Outgoing:
    """The record of an event, valid or not, where its event_type and key say."""
    kind = str(event["event_type"])
    if kind in KINDS_OF_CLICK:
        topic, key = CLICKS.name, event["buyer_id"]
    elif kind.startswith("order."):
        topic, key = ORDERS.name, event["buyer_id"]
    else:
        topic, key = REGISTRY.name, next((event[name] for name in KEY_FIELDS if event.get(name)), HOUSE_KEY)
    return Outgoing(topic, str(key).encode(), json.dumps(event, separators=(",", ":")).encode())


def click(event_id: str, at: int, buyer: str, content: str, koc: str, **more: Any) -> Event:
    """A touch; `more` overrides its fields."""
    return {
        "event_id": event_id,
        "event_type": "click",
        "occurred_at": format_rfc3339(at),
        "platform": "douyin",
        "buyer_id": buyer,
        "koc_id": koc,
        "content_id": content,
        "content_type": "video",
        "product_id": "p_1",
        "shop_id": "s_1",
        "brand_id": "br_1",
        "traffic": "natural",
        **more,
    }


def line(line_id: str, paid_minor: int, **more: Any) -> Event:
    """An order line; `more` overrides its fields."""
    return {
        "line_id": line_id,
        "product_id": "p_1",
        "sku_id": "p_1_a",
        "brand_id": "br_1",
        "category_id": "cat_1",
        "quantity": 1,
        "goods_paid_minor": paid_minor,
        "platform_discount_minor": 0,
        "shop_discount_minor": 0,
        "tax_minor": 0,
        "shipping_minor": 0,
        **more,
    }


def paid(order: str, at: int, buyer: str, lines: list[Event], **more: Any) -> Event:
    """An order.paid; `more` overrides its fields."""
    return {
        "event_id": f"{order}_paid",
        "event_type": "order.paid",
        "occurred_at": format_rfc3339(at),
        "order_id": order,
        "buyer_id": buyer,
        "platform": "douyin",
        "shop_id": "s_1",
        "currency": "CNY",
        "new_customer": False,
        "declared": None,
        "lines": lines,
        **more,
    }


def later(kind: str, name: str, order: str, at: int, buyer: str, **more: Any) -> Event:
    """What became of an order: `kind` without its `order.`, `name` makes the event_id."""
    return {
        "event_id": f"{order}_{name}",
        "event_type": f"order.{kind}",
        "occurred_at": format_rfc3339(at),
        "order_id": order,
        "buyer_id": buyer,
        **more,
    }


def plan(plan_id: str, version: int, since: int, rate_ppm: int, **more: Any) -> Event:
    """A plan for orders paid from `since` on; `more` overrides its fields."""
    return {
        "event_id": f"{plan_id}_v{version}",
        "event_type": "plan.published",
        "occurred_at": format_rfc3339(since),
        "plan_id": plan_id,
        "version": version,
        "kind": "open",
        "rate_ppm": rate_ppm,
        "base": "goods_paid",
        "splits": [
            {"role": "platform", "of": "commission", "share_ppm": 100_000},
            {"role": "mcn", "of": "koc", "share_ppm": 200_000},
            {"role": "recruiter", "of": "koc", "share_ppm": 125_000},
        ],
        "return_window_days": 7,
        "effective_from": format_rfc3339(since),
        **more,
    }


def relation(koc: str, since: int, parties: dict[str, str]) -> Event:
    """Who fills which role for a KOC from `since` on."""
    return {
        "event_id": f"rel_{koc}_{since}",
        "event_type": "relation.set",
        "occurred_at": format_rfc3339(since),
        "koc_id": koc,
        "parties": parties,
        "effective_from": format_rfc3339(since),
    }
