"""Histories: random logs, and everything that may happen to the workers that read them. The state, the domain and the
use cases are the product's; the broker is a list, the disk a dict."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from services.attribution.apply import orders as applying_orders
from services.attribution.apply import sweep
from services.attribution.apply.orders import apply_orders
from services.attribution.apply.publishing import republications
from services.attribution.apply.records import OrderRecord, TouchRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.domain import acceptance
from services.attribution.domain.assertion import Assertion
from services.attribution.domain.facts import (
    CANCELLED,
    COMPLETED,
    RECEIVED,
    REFUND_REVERSED,
    REFUNDED,
    Declaration,
    Fact,
    PaidLine,
    Payment,
    Touch,
)
from services.attribution.domain.forgetting import forget, retention_of
from services.attribution.domain.horizons import Horizons
from services.attribution.domain.policy import ALWAYS, BRAND, Policy, Rules
from services.attribution.state import buyer_cache
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.kernel.errors import StartRefused
from services.kernel.time import DAY
from tests.kit.attribution_memory import MemoryKeyValue
from tests.kit.attribution_words import Records
from tests.reference.attribution_reference import Limits, LogRecord
from tests.reference.credits_reader import CreditsReader

HOUR5 = DAY // 5
START = 20_000 * DAY
SHORT = Horizons(10 * HOUR5, 4 * HOUR5, 5 * HOUR5, 12 * HOUR5)
LONG_MEMORY = SHORT._replace(order_memory=999 * HOUR5)
TOPICS = {"clicks": "id-c", "orders": "id-o"}
LIMITS = Limits(touches_per_day=3, facts_per_order=2, orders_per_buyer=2, waiting_per_buyer=2, waiting_per_partition=3)


@contextmanager
def small_limits() -> Iterator[None]:
    """The product with limits that a short history reaches, and a sweep of short steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acceptance, "TOUCHES_PER_DAY", LIMITS.touches_per_day)
        patch.setattr(acceptance, "FACTS_PER_ORDER", LIMITS.facts_per_order)
        patch.setattr(acceptance, "ORDERS_PER_BUYER", LIMITS.orders_per_buyer)
        patch.setattr(acceptance, "WAITING_PER_BUYER", LIMITS.waiting_per_buyer)
        patch.setattr(applying_orders, "WAITING_PER_PARTITION", LIMITS.waiting_per_partition)
        patch.setattr(sweep, "BUYERS_PER_STEP", 1)
        patch.setattr(buyer_cache, "MAX_CACHED", 1)
        yield


def rules(revision: int) -> Rules:
    """Revision 1, or a later one with other windows; orders paid from a certain time on are shared by position."""
    click, view = (10 * HOUR5, 3 * HOUR5) if revision == 1 else (7 * HOUR5, 5 * HOUR5)
    windows = {"click": click, "code": click, "view": view}
    policy = Policy("last_click", "last_click", BRAND, windows, {"live": 4 * HOUR5})
    later = replace(policy, name="position_based", model="position_based")
    return Rules(revision, f"hash of {revision}", ((START + 6 * HOUR5, later), (ALWAYS, policy)), {})


def logs(random: Random) -> tuple[list[LogRecord], list[LogRecord]]:
    """A clicks log and an orders log of two buyers: disorder, duplicates, conflicts, the too late and the too many."""
    span = random.choice([8, 14, 30])
    touches = [(random.choice("ab"), "", _touch(random, i, span)) for i in range(random.randrange(2, 10))]
    said: list[tuple[str, str, Payment | Fact]] = []
    for i in range(random.randrange(1, 4)):
        said += _order(random, i, span)
    return _log(random, touches), _log(random, said)


def _touch(random: Random, i: int, span: int) -> Touch:
    return Touch(
        f"t{random.randrange(6) if random.random() < 0.2 else i}",
        random.choice(["click", "click", "view", "code"]),
        START + random.randrange(span) * HOUR5,
        "douyin",
        random.choice(["k1", "k2", "a"]),
        f"v{random.randrange(3)}",
        random.choice(["video", "live"]),
        random.choice(["p1", "p9"]),
        random.choice(["s1", "s9"]),
        random.choice(["br1", "br1", "br9"]),
        None,
        "natural",
    )


def _order(random: Random, i: int, span: int) -> list[tuple[str, str, Payment | Fact]]:
    buyer, order_id, paid_at = random.choice("ab"), f"o{i}", START + random.randrange(span) * HOUR5
    lines = tuple(PaidLine(str(n), f"p{n}", None, "br1", None, 1, 10 * n, 0, 0, 0, 0) for n in (1, 2))
    declared = Declaration("v1", random.choice(["k1", buyer]), None, "paid") if random.random() < 0.15 else None
    payment = Payment(f"p{i}", order_id, paid_at, "douyin", "s1", "CNY", False, declared, lines)
    said: list[tuple[str, str, Payment | Fact]] = [(buyer, order_id, payment)] if random.random() < 0.9 else []
    for n in range(random.choice([0, 1, 2, 3])):
        kind = random.choice([REFUNDED, REFUNDED, CANCELLED, RECEIVED, COMPLETED, REFUND_REVERSED])
        line_ids = random.choice([None, ("1",), ("7",)]) if kind in (CANCELLED, RECEIVED) else None
        refunds = ((random.choice("1127"), random.randrange(1, 9), 0),) if kind == REFUNDED else ()
        refund_id = f"rf{n % 2}" if kind in (REFUNDED, REFUND_REVERSED) else ""
        at = paid_at + random.randrange(-1, 9) * HOUR5
        if kind == REFUND_REVERSED:
            line_ids = ("1",)
        said.append((buyer, order_id, Fact(kind, f"e{i}{n}", at, line_ids, refund_id, refunds, None)))
    return said


def _log(random: Random, said: list[tuple[str, str, Touch | Payment | Fact]]) -> list[LogRecord]:
    """Arrival in about the order of time, then copies and conflicts at later places."""
    said = sorted(said, key=lambda e: _at(e[2]) + random.random() * random.choice([0, 6]) * HOUR5)
    for _ in range(random.choice([0, 1, 2])):
        if said:
            buyer, order_id, event = random.choice(said)
            if random.random() < 0.4:
                event = moved(event, random.randrange(-3, 6) * HOUR5)
            said.insert(random.randrange(len(said) + 1), (buyer, order_id, event))
    now = START + 60 * DAY
    early = START + 8 * HOUR5
    return [
        LogRecord(i, (early if random.random() < 0.05 else now) // 1000, buyer, order_id, event)
        for i, (buyer, order_id, event) in enumerate(said)
    ]


def _at(event: Touch | Payment | Fact) -> int:
    return event.paid_at if isinstance(event, Payment) else event.occurred_at


def moved(event: Touch | Payment | Fact, by: int) -> Touch | Payment | Fact:
    at = max(START, _at(event) + by)
    return event._replace(paid_at=at) if isinstance(event, Payment) else event._replace(occurred_at=at)


@dataclass
class Topics:
    """The broker's side: what was published, in its order."""

    credits: list[Assertion] = field(default_factory=list)
    refused: set[tuple[str, int, str]] = field(default_factory=set)


class Worker:
    """One process: a store over rows on a disk, reading both logs, publishing when it is told to."""

    def __init__(
        self,
        clicks: list[LogRecord],
        orders: list[LogRecord],
        rows: dict[bytes, bytes],
        horizons: Horizons,
        rule: Rules,
    ) -> None:
        self.logs, self.rows = {"clicks": clicks, "orders": orders}, rows
        self.store = Store(MemoryKeyValue(rows), StoreTerms.now(0, TOPICS, horizons, rule), rule)
        self.out: list[Assertion | tuple[str, int, str]] = []
        if self.store.must_publish_all:
            with self.store.publishing_all():
                for published in republications(self.store.shard, self.store.every_buyer()):
                    self.out += published.assertions()

    def left(self, log: str) -> int:
        """Records of a log not yet read."""
        return len(self.logs[log]) - self.store.next_offsets[log]

    def read(self, log: str, count: int) -> None:
        """Apply the next records of a log."""
        first = self.store.next_offsets[log]
        chunk = self.logs[log][first : first + count]
        shard = self.store.shard
        with self.store.applying(Records(log, first, first + len(chunk), tuple(chunk))):
            if log == "clicks":
                outcome = apply_touches(shard, [TouchRecord(r, r.buyer_id, r.event) for r in chunk])
            else:
                outcome = apply_orders(shard, [OrderRecord(r, r.buyer_id, r.order_id, r.event) for r in chunk])
        self.out += outcome.publication.assertions()
        self.out += [(log, refusal.source.offset, refusal.reason) for refusal in outcome.refusals]

    def publish(self, topics: Topics, count: int | None = None) -> None:
        """Have the first `count` of what waits acknowledged; all of it by default."""
        for item in self.out[:count]:
            if isinstance(item, Assertion):
                topics.credits.append(item)
            else:
                topics.refused.add(item)
        self.out = [] if count is None else self.out[count:]

    def forget(self) -> None:
        """Forget of all buyers in memory what may be forgotten, now."""
        shard = self.store.shard
        for buyer in shard.buyers.fetch(()).values():
            forget(buyer, retention_of(shard.marks, shard.horizons))

    def checkpoint(self, topics: Topics) -> dict[bytes, bytes]:
        """Publish all, write one batch; returns the disk as it is then."""
        taken = self.store.take()
        self.publish(topics)
        self.store.write(taken)
        return dict(self.rows)


class History:
    """One history: whatever happens, in the end a worker of the last revision has read all; zombies speak last."""

    def __init__(
        self,
        random: Random,
        clicks: list[LogRecord],
        orders: list[LogRecord],
        horizons: Horizons,
        last_revision: int,
    ) -> None:
        self.random, self.clicks, self.orders, self.horizons = random, clicks, orders, horizons
        self.last_revision, self.revision = last_revision, 1
        self.topics = Topics()
        self.zombies: list[Worker] = []
        self.disks: list[dict[bytes, bytes]] = [{}]

    def run(self) -> Topics:
        """What lies in the topics in the end."""
        worker = self._start({})
        while worker.left("clicks") or worker.left("orders"):
            self._turn(worker)
            if self.random.random() < 0.5:
                self.disks.append(worker.checkpoint(self.topics))
            if self.random.random() < 0.2 and len(self.disks) < 30:
                worker = self._crash(worker)
            self._haunt()
        disk = worker.checkpoint(self.topics)
        self.revision = self.last_revision
        self._start(disk).checkpoint(self.topics)
        for zombie in self.zombies:
            zombie.publish(self.topics)
        return self.topics

    def _start(self, rows: dict[bytes, bytes]) -> Worker:
        self.bias = self.random.choice([0.05, 0.5, 0.95])
        try:
            return Worker(self.clicks, self.orders, dict(rows), self.horizons, rules(self.revision))
        except StartRefused:  # an older revision over a newer store
            return Worker(self.clicks, self.orders, dict(rows), self.horizons, rules(self.last_revision))

    def _turn(self, worker: Worker) -> None:
        """Read a little of either log."""
        for _ in range(self.random.randrange(1, 4)):
            first, second = ("clicks", "orders") if self.random.random() < self.bias else ("orders", "clicks")
            log = first if worker.left(first) else second
            if worker.left(log):
                worker.read(log, self.random.randrange(1, 4))

    def _crash(self, worker: Worker) -> Worker:
        """Some of what was sent arrived, or all of it does later; the next worker starts from any durable point."""
        worker.publish(self.topics, self.random.randrange(len(worker.out) + 1))
        if self.random.random() < 0.5:
            self.zombies.append(worker)
        self.revision = self.random.choice([1, self.last_revision])
        return self._start(self.random.choice(self.disks))

    def _haunt(self) -> None:
        """Zombies read and publish as if they were alive."""
        for zombie in self.zombies:
            if self.random.random() < 0.3:
                self._turn(zombie)
            if self.random.random() < 0.2:
                zombie.publish(self.topics)


def outcome_of(topics: Topics) -> CreditsReader[Assertion]:
    """What a reader of the credits topic ends with."""
    reader: CreditsReader[Assertion] = CreditsReader()
    for one in topics.credits:
        reader.take((one.buyer_id, one.payment.order_id, one.line.line_id), one.vector, one)
    assert reader.contradictions == [], "equal vectors, other content"
    return reader
