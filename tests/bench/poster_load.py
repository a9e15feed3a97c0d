"""Credit assertions of realistic size for the poster's bench: 70 % first, 20 % refunds and late touches, 10 % again."""

import json
import random
from collections.abc import Iterator
from typing import Any

from schemas.topics import CREDITS, REGISTRY
from services.runtime.publishing import Outgoing, publish
from tests.kit.poster_process import partition_for
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactVersion

BRANDS, KOCS, BUYERS = 200, 2_000, 20_000


def load_registry() -> None:
    """A plan per brand, most with three splits, and a relation per KOC."""
    publish(Outgoing(REGISTRY.name, b"bench", json.dumps(event).encode()) for event in _registry())


def load_credits(count: int, seed: int = 1, first: int = 0) -> None:
    """So many assertions, each in its buyer's partition; lines are numbered from `first` on."""
    publish(
        Outgoing(CREDITS.name, fact.order_id.encode(), fact.wire(), partition_for(fact))
        for fact in assertions(count, seed, first)
    )


def _registry() -> Iterator[dict[str, Any]]:
    for brand in range(BRANDS):
        named = {"event_id": f"p{brand}", "plan_id": f"pl_{brand}", "brand_id": f"br_{brand}"}
        yield PLAN | named | {"rate_ppm": 100_000 + 1_000 * (brand % 150)}
    for koc in range(KOCS):
        parties = {"mcn": f"m_{koc % 100}"} if koc % 4 else {}
        yield RELATION | {
            "event_id": f"k{koc}",
            "koc_id": f"k_{koc}",
            "parties": parties | {"recruiter": f"r_{koc % 300}"},
        }


def assertions(count: int, seed: int, first: int = 0) -> Iterator[Fact]:
    """What attribution would publish, in an order in which it could."""
    rng = random.Random(seed)
    lines: list[Fact] = []
    for _ in range(count):
        draw = rng.random()
        if draw < 0.7 or not lines:
            lines.append(_first(first + len(lines), rng))
            yield lines[-1]
            continue
        index = rng.randrange(len(lines))
        if draw < 0.9:
            lines[index] = _changed(lines[index], rng)
        yield lines[index]


def _first(number: int, rng: random.Random) -> Fact:
    koc, brand = int(rng.random() ** 2 * KOCS), rng.randrange(BRANDS)
    contents = 2 if number % 10 == 0 else 1
    weights = (600_000, 400_000) if contents == 2 else (1_000_000,)
    paid_at = PAID_AT + rng.randrange(10 * DAY)
    credited = tuple(
        FactCredit(f"v_{3 * koc + i}", f"k_{(koc + i) % KOCS}", touch_id=f"clk_{number}_{i}", weight_ppm=weight)
        for i, weight in enumerate(weights)
    )
    considered = tuple(
        {
            "touch_id": f"clk_{number}_{i}", "content_id": f"v_{3 * koc + i}", "koc_id": f"k_{(koc + i) % KOCS}",
            "touched_at": "2026-10-31T09:00:00Z", "verdict": "credited" if i < contents else "outranked",
        }
        for i in range(contents + number % 2)
    )  # fmt: skip
    step = Fact().steps[0]
    return Fact(
        order_id=f"o_{number // 2:09d}", line_id=str(number % 2 + 1), buyer_id=f"b_{number // 2 % BUYERS}",
        brand_id=f"br_{brand}", product_id=f"p_{number % 5000}", sku_id=f"p_{number % 5000}_red",
        goods_paid_minor=1_000 + rng.randrange(40_000), paid_at=paid_at, as_of=paid_at, credits=credited,
        considered=considered, version=FactVersion(0, 1, 1_000 + number, 10 + number),
        steps=(type(step)(f"o_{number // 2:09d}_paid", paid_at),),
    )  # fmt: skip


def _changed(fact: Fact, rng: random.Random) -> Fact:
    if rng.random() < 0.5 or len(fact.steps) > 3:
        version = FactVersion(0, 1, fact.version.touch + 1, fact.version.order)
        credited = tuple(FactCredit(f"v_{rng.randrange(3 * KOCS)}", f"k_{rng.randrange(KOCS)}") for _ in range(1))
        return fact.but(credits=credited, version=version)
    left = fact.goods_paid_minor - fact.refunded_minor
    event_id = f"{fact.order_id}_ref{len(fact.steps)}"
    return fact.refunded(left // 3, event_id=event_id, at=fact.as_of + DAY)
