"""How fast people's questions are answered by a large book: `python -m tests.bench.console [LINES]`.

A stack of its own is filled with a year of lines (console_books.py). Then every page of `koc console` is timed over
HTTP, and every lookup by itself: those of the KOC, the brand and the run that have the most lines, and lists from their
first page and from one far down. Figures are milliseconds. `CPU` is the time that the console (or this process) and its
sessions in the database work for an answer: on a machine that does nothing else, it is about the median. Nothing else
should run on the machine.
"""

import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, text

from services.kernel.time import to_micros
from services.settlement.books.lookups import brand, left_out, party, party_coming, party_lines, run_lines, search
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.reader import books_reader
from services.settlement.domain.settling.candidates import BLOCKING_REASONS
from tests.bench import console_books
from tests.kit.console_process import ConsoleProcess
from tests.kit.stacks import stack_of_its_own

LINES = 1_000_000
ROUNDS = 15
FAR_DOWN = 20
"""Pages that are turned before one is timed."""

_List = Callable[..., KeysetPage[Any]]
_KOC, _MCN, _BRAND = "k_0", "m_0", "br_0"
_ORDER = "c1_o_00010"
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE usename = session_user AND backend_type = 'client backend'"
_TEXTS = ("nothing_at_all", _ORDER, "c1", "k_0", "k_1", "koc:k_2", "br_0", "v_0_0", "payday", "week-2")


def lookups(connection: Connection) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is timed, by name."""
    for name in _TEXTS:
        yield f"find {name}", partial(search.find, connection, name)
    yield "party_money", partial(party.party_money, connection, f"koc:{_KOC}")
    yield "party_statements", partial(party.party_statements, connection, f"koc:{_KOC}")
    yield "party_debts", partial(party.party_debts, connection, f"koc:{_KOC}")
    now = to_micros(datetime.now(UTC))
    for name in (f"koc:{_KOC}", f"mcn:{_MCN}"):
        yield f"pending_parts {name}", partial(party_coming.pending_parts, connection, name, now)
    yield "brand_bill", partial(brand.brand_bill, connection, _BRAND)
    yield "brand_budgets", partial(brand.brand_budgets, connection, _BRAND)
    for name, page in _lists(connection):
        yield name, page
        after = page().next_key
        for _ in range(FAR_DOWN):
            after = None if after is None else page(after=after).next_key
        if after is not None:
            yield f"{name}, far down", partial(page, after=after)


def _lists(connection: Connection) -> Iterator[tuple[str, _List]]:
    yield "koc_lines", partial(party_lines.koc_lines, connection, _KOC)
    yield "pending_lines", partial(party_lines.pending_lines, connection, _KOC)
    yield "party_entries", partial(party.party_entries, connection, f"koc:{_KOC}")
    yield "party_payouts", partial(party.party_payouts, connection, f"koc:{_KOC}")
    yield "brand_lines", partial(brand.brand_lines, connection, _BRAND)
    yield "run_lines", partial(run_lines.run_lines, connection, console_books.run_name(20))
    now = to_micros(datetime.now(UTC))
    for reason in BLOCKING_REASONS:
        yield f"left out, {reason}", partial(left_out.left_out_lines, connection, reason, now)


def pages(connection: Connection) -> Iterator[str]:
    """Addresses of pages below the console's."""

    def one(statement: str) -> str:
        return str(connection.execute(text(statement)).scalar_one())

    payout = one("SELECT id FROM payout WHERE party = 'koc:k_0' LIMIT 1")
    entry = one(f"SELECT writer || '-' || seq FROM journal WHERE order_id = '{_ORDER}' LIMIT 1")
    run, month = console_books.run_name(20), one("SELECT max(period) FROM statement")
    yield from ("/", "/search?q=k_", "/search?q=c1", f"/order/{_ORDER}", f"/entry/{entry}")
    yield from (f"/party/koc:{_KOC}", "/party/koc:k_1999", f"/party/mcn:{_MCN}")
    yield from (f"/statement/{month}/1/koc:{_KOC}/CNY", "/statements")
    yield from (f"/brand/{_BRAND}", "/content/v_0_0", "/runs", f"/run/{run}")
    yield from (f"/run/{run}?reason={reason}" for reason in BLOCKING_REASONS)
    yield from ("/payouts", "/batch/payday", f"/payout/{payout}", "/commands", "/command/payday")
    yield from ("/reports", "/health", "/dead-letters")


class Stopwatch:
    """Times answers of one process, and the CPU time that they take of it and of its sessions in the database.

    Args:
        connection: of the reader role; its own session counts too.
        pid: of the process that answers.
    """

    def __init__(self, connection: Connection, pid: int) -> None:
        self._connection, self._pid = connection, pid

    def measure(self, name: str, answer: Callable[[], object]) -> None:
        """Print median and slowest of some answers, after one that is not counted, in milliseconds."""
        answer()
        sessions = self._connection.execute(text(_SESSIONS)).scalars().all()
        processes = [psutil.Process(pid) for pid in (self._pid, *sessions) if psutil.pid_exists(pid)]
        taken, before = [], _cpu_seconds(processes)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer()
            taken.append((time.perf_counter() - began) * 1_000)
        after = _cpu_seconds(processes)
        busy = sum(used - before.get(pid, used) for pid, used in after.items()) * 1_000 / ROUNDS
        median, slowest = statistics.median(taken), max(taken)
        print(f"  {name:44} median {median:7.1f}   slowest {slowest:7.1f}   CPU {busy:7.1f}", flush=True)


def _cpu_seconds(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """CPU time by process, of those that are there: a pool may end a session at any time."""
    used = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[process.pid] = float(times.user + times.system)
    return used


def measure_all(connection: Connection, folder: Path) -> None:
    """Every page, then every lookup."""
    with ConsoleProcess(folder) as console:
        address, stopwatch = console.address, Stopwatch(connection, console.pid)
        for page in pages(connection):
            stopwatch.measure(page, partial(_get, address + page))
    stopwatch = Stopwatch(connection, os.getpid())
    for name, look_up in lookups(connection):
        stopwatch.measure(name, look_up)
    connection.rollback()
    _measure_held(connection, folder)


def _measure_held(connection: Connection, folder: Path) -> None:
    """The greatest KOC with nothing paid and a content on hold: its page comes at once, a part of it later."""
    console_books.hold_unpaid("v_0_0")
    with ConsoleProcess(folder / "held") as console:  # another log: it names the address
        stopwatch, page = Stopwatch(connection, console.pid), f"/party/koc:{_KOC}"
        for name in (page, f"{page}?part=next"):
            stopwatch.measure(f"{name}, a content held", partial(_get, console.address + name))


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - the console's own
        body: bytes = answer.read()
        return body


def main() -> None:
    """Fill a book, and measure."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as folder, stack_of_its_own(Path(folder) / "stack"):
        began = time.perf_counter()
        console_books.fill(lines)
        print(f"{lines:,} lines after {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        with books_reader() as reader, reader.connect() as connection:
            measure_all(connection, Path(folder) / "console")


if __name__ == "__main__":
    main()
