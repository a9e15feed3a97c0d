"""A month of a shop's clicks and orders, for the bench: three clicks an order, some late, some twice."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.kernel.time import DAY, SECOND, format_rfc3339
from services.runtime.kafka import aiokafka_options, partition_of

START = 20_728 * DAY
SPAN = 30 * DAY
CLICKS_PER_ORDER = 3
LATE, TWICE = 0.05, 0.03


def events(count: int, seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(topic, buyer, event) in the order of publishing; `count` of them and a few copies."""
    chance = random.Random(seed)
    buyers = max(1, count // 20)
    for i in range(count):
        buyer = f"b_{seed}_{chance.randrange(buyers)}"
        moment = START + SPAN * i // count - (chance.randrange(2 * DAY) if chance.random() < LATE else 0)
        at = format_rfc3339(moment // SECOND * SECOND)
        is_order = i % (CLICKS_PER_ORDER + 1) == CLICKS_PER_ORDER
        topic, event = (
            (ORDERS.name, _order(chance, i, seed, buyer, at))
            if is_order
            else (CLICKS.name, _click(chance, i, seed, buyer, at))
        )
        yield topic, buyer, event
        if chance.random() < TWICE:
            yield topic, buyer, event


def _click(chance: random.Random, i: int, seed: int, buyer: str, at: str) -> dict[str, Any]:
    return {
        "event_id": f"clk_{seed}_{i}", "event_type": chance.choice(("click", "click", "view")), "occurred_at": at,
        "platform": "douyin", "buyer_id": buyer, "koc_id": f"k_{chance.randrange(500)}",
        "content_id": f"v_{chance.randrange(2000)}", "content_type": "video", "product_id": f"p_{chance.randrange(50)}",
        "shop_id": f"s_{chance.randrange(10)}", "brand_id": f"br_{chance.randrange(3)}", "campaign_id": "c_1111",
        "traffic": "natural",
    }  # fmt: skip


def _order(chance: random.Random, i: int, seed: int, buyer: str, at: str) -> dict[str, Any]:
    line = {
        "line_id": "1", "product_id": f"p_{chance.randrange(50)}", "sku_id": "red", "category_id": "cat_1",
        "brand_id": f"br_{chance.randrange(3)}", "quantity": 1, "goods_paid_minor": chance.randrange(100, 100_000),
        "platform_discount_minor": 0, "shop_discount_minor": 0, "tax_minor": 0, "shipping_minor": 0,
    }  # fmt: skip
    return {
        "event_id": f"o_{seed}_{i}_paid", "event_type": "order.paid", "occurred_at": at, "order_id": f"o_{seed}_{i}",
        "buyer_id": buyer, "platform": "douyin", "shop_id": f"s_{chance.randrange(10)}", "currency": "CNY",
        "new_customer": False, "declared": None, "lines": [line],
    }  # fmt: skip


async def _load(count: int, seed: int) -> None:
    producer = AIOKafkaProducer(**aiokafka_options(), max_batch_size=500_000, linger_ms=5)
    await producer.start()
    batches: dict[tuple[str, int], Any] = {}
    for topic, buyer, event in events(count, seed):
        key, value = buyer.encode(), json.dumps(event, separators=(",", ":")).encode()
        at = (topic, partition_of(key, BUYER_PARTITIONS))
        batch = batches.setdefault(at, None) or producer.create_batch()
        if batch.append(key=key, value=value, timestamp=None) is None:
            batch.close()
            await producer.send_batch(batch, topic, partition=at[1])
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
        batches[at] = batch
    for (topic, partition), batch in batches.items():
        batch.close()
        await producer.send_batch(batch, topic, partition=partition)
    await producer.stop()


def load(count: int, seed: int) -> None:
    """Publish that many events and wait until the broker has them."""
    asyncio.run(_load(count, seed))
