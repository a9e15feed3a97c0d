"""One history of the shop week: an order of arrival, two runs, perhaps kills, and what the books then say.

Most of the week has arrived and is booked when the first run is planned; the rest comes between the runs: orders,
receipts, refunds and reversals, late touches, facts of the registry. A history with kills cuts the first run off in the
middle, and the rest comes before it is finished.
"""

import json
import os
import random
import signal
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.demo.events import Event, record
from services.demo.shop_week import BEGIN, Week, arrivals
from services.kernel.time import DAY, parse_rfc3339
from services.operations.drain.positions import LivePositions, wait_until_drained
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.runtime.topics import log_ends
from services.settlement.domain.book.entries import KIND_BY_CODE
from tests.kit.command import output_of
from tests.kit.history_runs import RunOutcome, cut_a_run, proof_of_a_trial, run_as_of
from tests.kit.topics import records
from tests.kit.waiting import until

DRAIN_SECONDS = 150
STAGES = 12
LATE_REGISTRY_FROM = 7
"""The stage from which on the late half of the reference data is published."""
RUNS = (BEGIN + 15 * DAY, BEGIN + 28 * DAY)
"""The moments of the two runs: most of what was received is due in the first."""
_REST_IS_ONE_OF = {"order.paid": 12, "order.received": 8, "order.completed": 8}
"""By type of event; of all other types one of two events comes after the first run."""
_TOUCH_MAY_COME_LATE = 2 * DAY
"""Behind the last touch; acceptance allows three days."""


@dataclass
class Kill:
    """A process to be killed -9 when its own progress reaches a share of the whole, and where it really fell."""

    process: str
    at_share: float
    fell_at: int = -1


@dataclass
class Ending:
    """What one history led to."""

    digests: list[str]
    balances: list[dict[str, Any]]
    runs: list[RunOutcome]
    rows_by_kind: dict[str, int]
    moved_by_late_touches: int
    repriced: int
    adjustments: int
    duplicates: int
    kills: list[Kill] = field(default_factory=list)
    input_end: int = 0
    credits_end: int = 0


def live(stack: Stack, week: Week, seed: int, kills: list[Kill]) -> Ending:
    """Publish the week in the seed's order of arrival with two runs, kill on the way, wait by offsets, read the books.

    Args:
        stack: fresh, with one worker of each kind; settings() lead to it.
        week: what happens.
        seed: of the order of arrival.
        kills: of processes, by their progress; where there are any, the first run is killed too.
    """
    with LivePositions() as positions:
        log = _arrive(stack, week, seed, kills, lambda: _attributed(positions))
    wait_until_drained(DRAIN_SECONDS)
    digests, runs, rest = [], [], arrivals(_log(week, is_rest=True), seed) + _repeated(log, seed)
    trial = proof_of_a_trial(RUNS[0])
    if kills:
        # the rest comes between the plan of the first run and its end
        cut_a_run(stack.layout.folder.with_name("a-run"), RUNS[0])
        _publish_rest(week, rest)
        _kill_poster(stack)
        wait_until_drained(DRAIN_SECONDS)
        runs.append(run_as_of(RUNS[0], trial, is_new=False))
    else:
        runs.append(run_as_of(RUNS[0], trial))
        digests.append(output_of("ledger", "digest").strip())
        _publish_rest(week, rest)
        wait_until_drained(DRAIN_SECONDS)
    runs.append(run_as_of(RUNS[1], proof_of_a_trial(RUNS[1])))
    wait_until_drained(DRAIN_SECONDS)
    output_of("ledger", "verify")
    digests.append(output_of("ledger", "digest").strip())
    return _ending(log + rest, kills, digests, runs)


def _arrive(stack: Stack, week: Week, seed: int, kills: list[Kill], attributed: Callable[[], int]) -> list[Event]:
    """Most of the week, in stages, with kills; what arrived in which order."""
    log, registry = arrivals(_log(week, is_rest=False), seed), _registry(week, is_rest=False)
    half = len(registry) // 2
    publish(map(record, registry[:half]))
    total = len(log)
    pending = list(kills)
    size = -(-total // STAGES)
    for stage in range(STAGES):
        publish(map(record, log[stage * size : (stage + 1) * size]))
        if stage == LATE_REGISTRY_FROM:
            until(lambda: _books("SELECT count(*) FROM line") > 0, "lines in the books")
            publish(map(record, registry[half:]))
        published = min(total, (stage + 1) * size)
        while pending and published >= total * pending[0].at_share:
            _kill(stack, pending.pop(0), total, attributed)
    return log


def _publish_rest(week: Week, rest: list[Event]) -> None:
    """All that comes after the first run was planned."""
    publish(map(record, [*_registry(week, is_rest=True), *rest]))


def _log(week: Week, *, is_rest: bool) -> list[Event]:
    """Clicks and orders of the week: the rest, or what is not."""
    last = max(parse_rfc3339(event["occurred_at"]) for event in week.log if "content_type" in event)
    return [event for event in week.log if _comes_later(event, last) is is_rest]


def _comes_later(event: Event, last_touch: int) -> bool:
    """Whether an event belongs to the rest: chosen by its id, so alike in all histories."""
    if "content_type" in event and parse_rfc3339(event["occurred_at"]) < last_touch - _TOUCH_MAY_COME_LATE:
        return False
    return zlib.crc32(event["event_id"].encode()) % _REST_IS_ONE_OF.get(event["event_type"], 2) == 0


def _registry(week: Week, *, is_rest: bool) -> list[Event]:
    """Reference data of the week: every seventh fact of the late half is the rest."""
    late = len(week.registry) // 2
    return [
        event
        for number, event in enumerate(week.registry)
        if (number >= late and number % 7 == 0) is is_rest
    ]  # fmt: skip


def _repeated(log: list[Event], seed: int) -> list[Event]:
    """Events of before the first run that come once more after it."""
    return random.Random(seed).sample(log, len(log) // 50)


def _kill_poster(stack: Stack) -> None:
    """Kill the poster at once and wait for the next one."""
    pid = stack.pid("poster-1")
    os.kill(pid, signal.SIGKILL)
    until(lambda: _running(stack, "poster-1", pid), "poster-1 to be started again")


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
    with psycopg.connect(psycopg_dsn("reader")) as books:
        (count,) = books.execute(query).fetchone() or (0,)
        return int(count)


def _ending(log: list[Event], kills: list[Kill], digests: list[str], runs: list[RunOutcome]) -> Ending:
    ends = log_ends([CLICKS.name, ORDERS.name, CREDITS.name])
    return Ending(
        digests=digests,
        balances=json.loads(output_of("ledger", "balances", "--json")),
        runs=runs,
        rows_by_kind=_rows_by_kind(),
        moved_by_late_touches=moved_credits(),
        repriced=_books("SELECT count(*) FROM journal WHERE idem_key LIKE 'registry|%' AND order_id IS NOT NULL"),
        adjustments=_books("SELECT count(*) FROM journal WHERE kind = 2"),
        duplicates=len(log) - len({event["event_id"] for event in log}),
        kills=kills,
        input_end=sum(end for (topic, _), end in ends.items() if topic != CREDITS.name),
        credits_end=sum(end for (topic, _), end in ends.items() if topic == CREDITS.name),
    )


def _rows_by_kind() -> dict[str, int]:
    """How many rows of each kind the journal has."""
    with psycopg.connect(psycopg_dsn("reader")) as books:
        rows = books.execute("SELECT kind, count(*) FROM journal GROUP BY kind").fetchall()
    return {KIND_BY_CODE[code].text: count for code, count in rows}


def moved_credits() -> int:
    """Order lines whose credits an event of the clicks log changed after they were first published."""
    first: dict[tuple[str, ...], tuple[int, Any]] = {}
    moved = set()
    for value in (json.loads(one.value) for one in records(CREDITS.name)):
        line = (value["order_id"], value["line_id"], value["buyer_id"])
        credited = tuple((one["content_id"], one["weight_ppm"]) for one in value["credits"])
        touch, known = value["version"]["touch"], first.setdefault(line, (value["version"]["touch"], credited))
        if touch > known[0] and credited != known[1]:
            moved.add(line)
    return len(moved)
