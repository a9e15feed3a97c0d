"""How fast a settlement run is, and what it takes from the poster beside it; `python -m tests.bench.runs [LINES]`.

`run_*` are of the real command over due lines, from its start to its end; `empty_run_seconds` is of one after it, with
nothing due. Then a poster works through a backlog beside another run, which does not wait for it, and alone after it:
its rates, and how long it ever stood still, all on one stack and in one go. Due lines are copies of lines that the real
poster has booked. Nothing else should run on the machine.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from schemas.topics import CREDITS
from services.kernel.time import DAY, SECOND, to_micros
from services.operations.settle.settle import APPLIERS, NICER_THAN_POSTERS, draft_of
from services.runtime import garbage
from services.runtime.database import psycopg_dsn
from services.runtime.publishing import Outgoing, publish
from services.runtime.settings import settings
from services.settlement.books.retrying import retried
from services.settlement.books.run_lock import RUN
from services.settlement.books.run_store import run_store
from services.settlement.runs.run import RunRequest, apply_run, plan_run
from tests.bench.copies import copy_rows, keep_template
from tests.bench.poster_load import assertions, load_registry
from tests.kit.poster_process import Poster, all_is_posted, partition_for
from tests.kit.run_processes import RunProcess
from tests.kit.settlement_facts import Fact
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until

DUE_LINES = 200_000
BESIDE_LINES = 100_000
BACKLOG = 400_000
_TEMPLATES = 2_000
_WITHOUT_WAITING = "--without-waiting"
_POLL_SECONDS = 0.02
_SECONDS = 1_800.0
_TABLES = ("line", "assertion", "due")


class Measured(NamedTuple):
    """A run of the command: how many lines it settled, in how much time and CPU time of its process."""

    lines: int
    seconds: float
    cpu_seconds: float


class Progress(NamedTuple):
    """How a poster went on in a window of time; `pause` is the longest time without a committed batch, seconds."""

    rate: float
    pause: float


def run(due_lines: int = DUE_LINES) -> dict[str, float]:
    """Fill the books of a running stack without workers, and measure; returns figures by name."""
    load_registry()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Poster(folder) as poster:
            _post_templates(poster)
            poster.terminate()
        _copy_due_lines("first", due_lines)
        first, empty = (_settle(RunProcess(folder / name, name, _now(), name)) for name in ("first", "empty"))
        _copy_due_lines("second", BESIDE_LINES)
        publish(_outgoing(fact) for fact in assertions(BACKLOG, seed=1, first=_TEMPLATES))
        beside, alone = _beside(folder)
    return {
        "run_lines": first.lines,
        "run_seconds": round(first.seconds, 1),
        "run_lines_per_second": round(first.lines / first.seconds),
        "run_cpu_us_per_line": round(first.cpu_seconds / first.lines * SECOND, 1),
        "empty_run_seconds": round(empty.seconds, 2),
        "poster_per_second_beside_a_run": round(beside.rate),
        "poster_per_second_after_it": round(alone.rate),
        "rate_beside": round(beside.rate / alone.rate, 2),
        "longest_pause_beside_seconds": round(beside.pause, 2),
        "longest_pause_after_seconds": round(alone.pause, 2),
    }


def _now() -> int:
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        return to_micros(reader.execute("SELECT now()").fetchone()[0])  # type: ignore[index]


def _post_templates(poster: Poster) -> None:
    """Book lines that a run may settle by now, and keep them as they are for the copies."""
    first_assertions = (fact for fact in assertions(2 * _TEMPLATES, seed=7) if len(fact.steps) == 1)
    facts = (one.but(received_at=one.paid_at + DAY, as_of=one.paid_at + DAY) for one in first_assertions)
    publish(map(_outgoing, islice(facts, _TEMPLATES)))
    until(all_is_posted, "the lines to be copied are posted", _SECONDS, poster)
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        keep_template(owner, "template", _TABLES)


def _outgoing(fact: Fact) -> Outgoing:
    return Outgoing(CREDITS.name, fact.order_id.encode(), fact.wire(), partition_for(fact))


def _copy_due_lines(prefix: str, count: int) -> None:
    """About so many due lines more, each with its assertion and its hint."""
    name = f"'{prefix}_' || n || '_' || order_id"
    own = {"order_id": name, "raw": f"convert_to(replace(convert_from(raw, 'UTF8'), order_id, {name}), 'UTF8')"}
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        copies = count // owner.execute("SELECT count(*) FROM template.line").fetchone()[0]  # type: ignore[index]
        for table in _TABLES:
            copy_rows(owner, "template", table, own, range(copies))
        owner.execute("VACUUM ANALYZE line, assertion, due")


def _settle(process: RunProcess) -> Measured:
    """The command from its start to its end."""
    began, used = time.perf_counter(), 0.0
    with process:
        watched = psutil.Process(process.pid)
        while process.is_running:
            used = max(used, _cpu(watched))
            time.sleep(_POLL_SECONDS)
        seconds = time.perf_counter() - began
        assert process.process.returncode == 0, process.log()
    return Measured(_settled_by(process.name), seconds, used)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _settled_by(run_id: str) -> int:
    return int(_asked("SELECT count(*) FROM run_line WHERE run = %s", run_id))


def _beside(folder: Path) -> tuple[Progress, Progress]:
    """A poster with a backlog beside a run that has begun, and alone after it."""
    with subprocess.Popen([sys.executable, "-m", "tests.bench.runs", _WITHOUT_WAITING]) as run_process:
        until(lambda: bool(_asked("SELECT count(*) FROM pg_locks WHERE objid = %s", RUN)), "a run is at work")
        with Poster(folder) as poster:
            before = _posted()
            until(lambda: _posted() != before, "the poster has begun", process=poster)
            beside = _watched(lambda: run_process.poll() is None)
            assert run_process.returncode == 0
            alone = _watched(lambda: poster.is_running and not all_is_posted())
            assert poster.terminate() == 0
    return beside, alone


def _settle_without_waiting() -> None:
    """What the command does after its wait: that would be for the backlog."""
    as_of = _now()
    os.nice(NICER_THAN_POSTERS)
    garbage.settle()
    with run_store() as store, store.lock("a bench"):
        run = plan_run(store, RunRequest(draft_of(as_of, "second", "a bench"), as_of), print)
        apply_run(store, run, settings().settlement_zone_minutes, print, retried, APPLIERS)


def _watched(goes_on: Callable[[], bool]) -> Progress:
    """A poster's progress as long as it does."""
    began, first = time.perf_counter(), _posted()
    changed, last, pause = began, first, 0.0
    while goes_on():
        time.sleep(_POLL_SECONDS)
        now, posted = time.perf_counter(), _posted()
        if posted != last:
            pause, changed, last = max(pause, now - changed), now, posted
    return Progress((last - first) / max(changed - began, _POLL_SECONDS), pause)


def _posted() -> int:
    return int(_asked("SELECT sum(next_offset) FROM writer"))


def _asked(statement: str, *values: Any) -> Any:
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        (found,) = reader.execute(statement, values).fetchone() or (None,)
        return found


if __name__ == "__main__":
    if _WITHOUT_WAITING in sys.argv:
        _settle_without_waiting()
        sys.exit()
    with tempfile.TemporaryDirectory() as place, stack_of_its_own(Path(place) / "stack"):
        print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else DUE_LINES), indent=1))
