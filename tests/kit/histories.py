"""One history of the shop week: a fresh stack, an order of arrival, perhaps kills, and what the books then say."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.demo.events import Event, record
from services.demo.shop_week import Week, arrivals
from services.operations.drain.positions import LivePositions, wait_until_drained
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.runtime.topics import log_ends
from tests.kit.command import output_of
from tests.kit.topics import records
from tests.kit.waiting import until

DRAIN_SECONDS = 150
STAGES = 12
LATE_REGISTRY_FROM = 7
"""The stage from which on the late half of the reference data is published."""


@dataclass
class Kill:
    """A process to be killed -9 when its own progress reaches a share of the whole, and where it really fell."""

    process: str
    at_share: float
    fell_at: int = -1


@dataclass
class Ending:
    """What one history led to."""

    digest: str
    balances: list[dict]
    moved_by_late_touches: int
    repriced: int
    adjustments: int
    duplicates: int
    kills: list[Kill] = field(default_factory=list)
    input_end: int = 0
    credits_end: int = 0


def live(stack: Stack, week: Week, seed: int, kills: list[Kill]) -> Ending:
    """Publish the week in the seed's order of arrival, kill on the way, wait by offsets, and read the books."""
    with LivePositions() as positions:
        return _live(stack, week, seed, kills, lambda: _attributed(positions))


def _live(stack: Stack, week: Week, seed: int, kills: list[Kill], attributed: Callable[[], int]) -> Ending:
    log = arrivals(week.log, seed)
    half = len(week.registry) // 2
    publish(map(record, week.registry[:half]))
    total = len(log)
    pending = list(kills)
    size = -(-total // STAGES)
    for stage in range(STAGES):
        publish(map(record, log[stage * size : (stage + 1) * size]))
        if stage == LATE_REGISTRY_FROM:
            until(lambda: _books("SELECT count(*) FROM line") > 0, "lines in the books")
            publish(map(record, week.registry[half:]))
        published = min(total, (stage + 1) * size)
        while pending and published >= total * pending[0].at_share:
            _kill(stack, pending.pop(0), total, attributed)
    wait_until_drained(DRAIN_SECONDS)
    output_of("ledger", "verify")
    return _ending(log, kills)


def _kill(stack: Stack, kill: Kill, total: int, attributed: Callable[[], int]) -> None:
    """Kill the process in the middle: once it is through half (poster: three tenths) of what was published so far."""
    progress = attributed if kill.process.startswith("attribution") else _posted
    target = int(total * kill.at_share * (0.3 if progress is _posted else 0.5))
    until(lambda: progress() >= target, f"{kill.process} at {target}")
    pid = stack.pid(kill.process)
    kill.fell_at = progress()
    os.kill(pid, signal.SIGKILL)
    until(lambda: _running(stack, kill.process, pid), f"{kill.process} to be started again")


def _running(stack: Stack, process: str, killed: int) -> bool:
    try:
        return stack.pid(process) != killed
    except KeyError:
        return False


def _attributed(positions: LivePositions) -> int:
    """Records of clicks and orders whose effect is durable."""
    offsets = positions.reached().offsets
    return sum(offset for (topic, _), offset in offsets.items() if topic in (CLICKS.name, ORDERS.name))


def _posted() -> int:
    """Credit assertions that are in the books."""
    return _books("SELECT coalesce(sum(next_offset), 0)::bigint FROM writer")


def _books(query: str) -> int:
    from services.runtime.database import psycopg_dsn

    with psycopg.connect(psycopg_dsn("reader")) as books:
        return int(books.execute(query).fetchone()[0])


def _ending(log: list[Event], kills: list[Kill]) -> Ending:
    ends = log_ends([CLICKS.name, ORDERS.name, CREDITS.name])
    return Ending(
        digest=output_of("ledger", "digest").strip(),
        balances=json.loads(output_of("ledger", "balances", "--json")),
        moved_by_late_touches=moved_credits(),
        repriced=_books("SELECT count(*) FROM journal WHERE idem_key LIKE 'registry|%' AND order_id IS NOT NULL"),
        adjustments=_books("SELECT count(*) FROM journal WHERE kind = 2"),
        duplicates=len(log) - len({event["event_id"] for event in log}),
        kills=kills,
        input_end=sum(end for (topic, _), end in ends.items() if topic != CREDITS.name),
        credits_end=sum(end for (topic, _), end in ends.items() if topic == CREDITS.name),
    )


def moved_credits() -> int:
    """Order lines whose credits an event of the clicks log changed after they were first published."""
    first: dict[tuple, tuple] = {}
    moved = set()
    for value in (json.loads(one.value) for one in records(CREDITS.name)):
        line = (value["order_id"], value["line_id"], value["buyer_id"])
        credited = tuple((one["content_id"], one["weight_ppm"]) for one in value["credits"])
        touch, known = value["version"]["touch"], first.setdefault(line, (value["version"]["touch"], credited))
        if touch > known[0] and credited != known[1]:
            moved.add(line)
    return len(moved)
