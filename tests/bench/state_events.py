"""The days of a shop, for the bench of state: visitors who come once, regulars who come back, orders and what becomes
of them, a few touches late."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from services.kernel.time import DAY, HOUR, SECOND, format_rfc3339

START = 20_000 * DAY
VISITORS_A_DAY, REGULARS, REGULAR_VISITS_A_DAY = 30, 100, 10
BUYS, REFUNDS, LATE = 0.2, 0.1, 0.05
TOUCHES_A_VISIT = 2


class Appended(NamedTuple):
    """A record as the broker would give it."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Shop:
    """One shop of a size: its days must be asked for in order, because orders of today are received later."""

    def __init__(self, size: int) -> None:
        self._chance = Random(size)
        self._size = size
        self._later: dict[int, list[dict[str, Any]]] = {}
        self._events = 0
        self._offsets = {"clicks": 0, "orders": 0}

    def day(self, n: int) -> Iterator[tuple[str, Appended]]:
        """(log, record) of a day, as the broker would have them: in about the order of time."""
        visits = [f"v_{n}_{i}" for i in range(VISITORS_A_DAY * self._size)]
        visits += [
            f"r_{self._chance.randrange(REGULARS * self._size)}" for _ in range(REGULAR_VISITS_A_DAY * self._size)
        ]
        self._chance.shuffle(visits)
        for i, buyer in enumerate(visits):
            at = START + n * DAY + i * 23 * HOUR // len(visits)
            for _ in range(TOUCHES_A_VISIT):
                late = self._chance.randrange(2 * DAY) if self._chance.random() < LATE else 0
                yield self._record("clicks", at, self._click(buyer, at - late))
            if self._chance.random() < BUYS:
                yield self._record("orders", at, self._order(n, buyer, at + HOUR // 2))
        for event in self._later.pop(n, []):
            yield self._record("orders", START + n * DAY, event)

    def _record(self, log: str, at: int, event: dict[str, Any]) -> tuple[str, Appended]:
        offset = self._offsets[log]
        self._offsets[log] += 1
        value = json.dumps(event, separators=(",", ":")).encode()
        return log, Appended(offset, (at + HOUR) // 1000, event["buyer_id"].encode(), value)

    def _new_id(self, kind: str) -> str:
        self._events += 1
        return f"{kind}_{self._size}_{self._events}"

    def _click(self, buyer: str, at: int) -> dict[str, Any]:
        some = self._chance.randrange
        return {
            "event_id": self._new_id("clk"), "event_type": "click", "occurred_at": _text(at), "platform": "douyin",
            "buyer_id": buyer, "koc_id": f"k_{some(500)}", "content_id": f"v_{some(2000)}", "content_type": "video",
            "product_id": f"p_{some(50)}", "shop_id": f"s_{some(10)}", "brand_id": f"br_{some(3)}",
            "campaign_id": "c_1111", "traffic": "natural",
        }  # fmt: skip

    def _order(self, n: int, buyer: str, at: int) -> dict[str, Any]:
        some, order_id = self._chance.randrange, self._new_id("o")
        line = {
            "line_id": "1", "product_id": f"p_{some(50)}", "sku_id": "red", "category_id": "cat_1",
            "brand_id": f"br_{some(3)}", "quantity": 1, "goods_paid_minor": some(100, 100_000),
            "platform_discount_minor": 0, "shop_discount_minor": 0, "tax_minor": 0, "shipping_minor": 0,
        }  # fmt: skip
        common = {"order_id": order_id, "buyer_id": buyer}
        received = common | {
            "event_type": "order.received",
            "event_id": f"{order_id}_got",
            "occurred_at": _text(at + 4 * DAY),
        }
        self._later.setdefault(n + 5, []).append(received)
        if self._chance.random() < REFUNDS:
            refunded = common | {
                "event_type": "order.refunded", "event_id": f"{order_id}_back", "occurred_at": _text(at + 8 * DAY),
                "refund_id": "rf", "lines": [{"line_id": "1", "refund_minor": 100, "quantity": 0}],
            }  # fmt: skip
            self._later.setdefault(n + 9, []).append(refunded)
        return common | {
            "event_id": f"{order_id}_paid", "event_type": "order.paid", "occurred_at": _text(at),
            "platform": "douyin", "shop_id": f"s_{some(10)}", "currency": "CNY", "new_customer": False,
            "declared": None, "lines": [line],
        }  # fmt: skip


def _text(at: int) -> str:
    return format_rfc3339(at // SECOND * SECOND)
