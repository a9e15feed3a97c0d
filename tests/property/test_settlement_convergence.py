"""The final ledger is a function of the accepted events: not of order, duplicates, batches or late reference data."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.time import format_rfc3339, parse_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.lines.assertions import is_cancelled
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, PLAN, RELATION, SPEND, content_of, spend_of
from services.settlement.domain.pricing.price import price, terms_of
from services.settlement.domain.settling.contents import script_fee_target, spend_target
from tests.kit.memory_book import MemoryBook
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion

PARTITIONS = 3
PLATFORM = {"role": "platform", "of": "commission", "share_ppm": 100_000}


class World:
    """One truth: what every line, plan, relation and content finally is, and every assertion on the way there."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.final: list[tuple[int, Fact]] = []
        self.said: list[list[Fact]] = [[] for _ in range(PARTITIONS)]
        for order in range(self.rng.randint(1, 5)):
            buyers = self.rng.sample(range(9), 2 if self.rng.random() < 0.4 else 1)
            for buyer in buyers:
                self._line(f"o_{order}", buyer)
        self.registry = self._registry()

    def _line(self, order_id: str, buyer: int) -> None:
        rng = self.rng
        goods = rng.choice([0, 1, 99, 101, 9_999, 20_001])
        paid_at = PAID_AT + rng.randrange(3) * DAY
        events = [FactStep(f"{order_id}_paid", paid_at)]
        for number in range(rng.randrange(4)):
            refunded = min(goods, events[-1].refunded_minor + rng.randrange(goods + 1))
            cancelled = events[-1].cancelled or rng.random() < 0.2
            events.append(FactStep(f"{order_id}_{number}", paid_at + rng.randrange(1, 40) * DAY, refunded, cancelled))
        touches = [self._credits() for _ in range(rng.randint(1, 3))]
        top = (len(touches), len(events))

        def at(touch: int, order: int) -> Fact:
            steps = tuple(events[:order])
            return Fact(
                order_id=order_id, buyer_id=f"b_{buyer}", brand_id=f"br_{rng_brand}", goods_paid_minor=goods,
                platform_discount_minor=goods // 10, paid_at=paid_at, as_of=max(step.at for step in steps),
                refunded_minor=steps[-1].refunded_minor, status="cancelled" if steps[-1].cancelled else "paid",
                steps=steps, credits=touches[touch - 1], version=FactVersion(0, 1, touch, order),
            )  # fmt: skip

        rng_brand = rng.randrange(2)
        partial = [(rng.randint(1, top[0]), rng.randint(1, top[1])) for _ in range(rng.randrange(5))]
        self.said[buyer % PARTITIONS] += [at(*version) for version in [*partial, top]]
        self.final.append((buyer % PARTITIONS, at(*top)))

    def _credits(self) -> tuple[FactCredit, ...]:
        rng = self.rng
        count = rng.choice([0, 1, 1, 1, 2, 3])
        weights = [1_000_000 // count] * count if count else []
        if weights:
            weights[0] += 1_000_000 - sum(weights)
        kinds = [rng.choice(["natural", "paid"]) for _ in weights]
        return tuple(FactCredit(f"v_{i}", f"k_{rng.randrange(3)}", None, k, weight_ppm=w)
                     for i, (w, k) in enumerate(zip(weights, kinds, strict=True)))  # fmt: skip

    def _registry(self) -> list[dict[str, Any]]:
        rng = self.rng
        events: list[dict[str, Any]] = []
        for _ in range(rng.randrange(1, 6)):
            since = PAID_AT + rng.randrange(-3, 4) * DAY
            until = None if rng.random() < 0.6 else format_rfc3339(since + 2 * DAY)
            splits = rng.sample([PLATFORM, {"role": "mcn", "of": "koc", "share_ppm": 333_333},
                                 {"role": "recruiter", "of": "base", "share_ppm": 20_001}], 2)  # fmt: skip
            events.append({
                "event_type": PLAN, "plan_id": f"pl_{rng.randrange(2)}", "version": rng.randint(1, 3), "kind": "open",
                "rate_ppm": rng.choice([0, 70_001, 333_333, 1_000_000]), "splits": splits,
                "base": rng.choice(["goods_paid", "before_platform_discount"]),
                "paid_traffic_rate_ppm": rng.choice([None, 50_000]), "brand_id": rng.choice([None, "br_0", "br_1"]),
                "effective_from": format_rfc3339(since), "effective_to": until,
            })  # fmt: skip
        for _ in range(rng.randrange(4)):
            since = format_rfc3339(PAID_AT + rng.randrange(-2, 3) * DAY)
            parties = {
                role: f"{role}_{rng.randrange(2)}" for role in rng.sample(["mcn", "recruiter"], rng.randrange(3))
            }
            events.append({"event_type": RELATION, "koc_id": f"k_{rng.randrange(3)}", "parties": parties,
                           "effective_from": since})  # fmt: skip
        events.append({"event_type": CONTENT, "content_id": "v_0", "koc_id": "k_0", "platform": "douyin",
                       "brand_id": "br_0", "script_fee_minor": rng.randrange(300), "currency": "CNY"})  # fmt: skip
        events.append({"event_type": ACCEPTED, "content_id": "v_0"})
        events.append({"event_type": SPEND, "content_id": "v_0", "spend_id": "sp_1", "amount_minor": 700,
                       "currency": "CNY", "paid_by": rng.choice(["brand", "koc", "platform"])})  # fmt: skip
        unique = {(body["event_type"], identity(body)): body for body in events}
        return [body | {"occurred_at": format_rfc3339(PAID_AT)} for body in unique.values()]

    def expected(self) -> dict[tuple[str | None, str | None, str, str], int]:
        """The oracle: price the final truth once, with all reference data known."""
        book = MemoryBook(PARTITIONS)
        book.take(as_events(book, self.registry))
        book.moment(book.reference)
        net: dict[tuple[str | None, str | None, str, str], int] = {}
        owners: dict[str, Fact] = {}
        for _, fact in self.final:
            rival = owners.get(fact.order_id)
            if rival is None or (fact.paid_at, fact.buyer_id) < (rival.paid_at, rival.buyer_id):
                owners[fact.order_id] = fact
        for fact in owners.values():
            terms = terms_of(fact, book.reference).terms
            target = price(fact, terms, fact.refunded_minor, cancelled=is_cancelled(fact))
            net |= {(fact.order_id, fact.line_id, key, "CNY"): amount for key, amount in target.items()}
        bodies = {body["event_type"]: body for body in self.registry}
        content = content_of(bodies[CONTENT])
        for target in (script_fee_target(content, accepted=True), spend_target(spend_of(bodies[SPEND]), content)):
            for key, amount in target.items():
                net[None, None, key, "CNY"] = net.get((None, None, key, "CNY"), 0) + amount
        return net


def identity(body: dict[str, Any]) -> str:
    if body["event_type"] == PLAN:
        return f"{body['plan_id']}|{body['version']}"
    if body["event_type"] == RELATION:
        return f"{body['koc_id']}|{parse_rfc3339(body['effective_from'])}"
    return str(body["spend_id"] if body["event_type"] == SPEND else body["content_id"])


def as_events(book: MemoryBook, bodies: Sequence[dict[str, Any]]) -> list[ReferenceEvent]:
    return [
        ReferenceEvent(book.registry_offset + i, b["event_type"], identity(b), parse_rfc3339(b["occurred_at"]), b)
        for i, b in enumerate(bodies)
    ]


def live(world: World, history: random.Random) -> MemoryBook:
    """One history: disorder, duplicates, batch bounds, registry and jobs anywhere in between."""
    book = MemoryBook(PARTITIONS)
    logs = [history.sample(log, len(log)) + history.choices(log, k=2 if log else 0) for log in world.said]
    registry = history.sample(world.registry, len(world.registry))
    while any(logs) or registry:
        which = history.randrange(PARTITIONS + 2)
        size = history.randint(1, 4)
        if which < PARTITIONS and logs[which]:
            batch, logs[which] = logs[which][:size], logs[which][size:]
            book.post(which, batch)
        elif which == PARTITIONS and registry:
            taken, registry = registry[:size], registry[size:]
            book.take(as_events(book, taken))
        elif which > PARTITIONS:
            book.work_jobs(limit=size)
    book.work_jobs()
    return book


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9), histories=st.lists(st.integers(0, 10**9), min_size=2, max_size=3, unique=True))
def test_any_history_of_the_same_events_ends_in_the_same_net_positions(seed: int, histories: list[int]) -> None:
    world = World(seed)
    for history in histories:
        book = live(world, random.Random(history))
        assert book.net() == world.expected()
        assert not any(line.below_join for line in book.lines.values())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_full_refund_leaves_exactly_nothing_on_any_account_of_the_line(seed: int) -> None:
    world = World(seed)
    book = live(world, random.Random(seed))
    for partition, fact in world.final:
        last = FactStep("all_back", fact.as_of + DAY, fact.goods_paid_minor)
        version = replace(fact.version, order=99)
        book.post(partition, [fact.but(refunded_minor=fact.goods_paid_minor, steps=(*fact.steps, last),
                                       as_of=last.at, version=version)])  # fmt: skip
    assert {key[0] for key in book.net()} <= {None}


def test_histories_really_differ() -> None:
    repriced = adjusted = rows = 0
    for seed in range(30):
        world = World(seed)
        books = [live(world, random.Random(history)) for history in (1, 2)]
        repriced += sum(book.repriced for book in books)
        rows += len(books[0].journal) != len(books[1].journal)
        adjusted += sum(entry.kind.text == "commission.adjusted" for (entry, _, _), _ in books[0].journal)
    assert min(repriced, adjusted, rows) > 5
