"""The demo from the first event to the proof: starts a stack of its own, publishes, waits by offsets, and shows."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import text

from services.demo import conversion_paths, poison, shop_week
from services.demo.events import record
from services.operations.drain.drain import NotDrained
from services.operations.drain.positions import wait_until_drained
from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from services.runtime.settings import settings

Say = Callable[[str], None]
DRAIN_SECONDS = 170.0
EXPLAINED_ORDER = "o_17"

_TOP_KOCS = text(
    "SELECT split_part(a.key, ':', 2) AS koc, a.currency, -sum(b.amount_minor) AS earned"
    " FROM balance b JOIN account a ON a.id = b.account_id WHERE a.key LIKE :earned"
    " GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 8"
).bindparams(earned="koc:%:pending")
_LAST_CLICKS = text(
    "SELECT koc_ids[1] AS koc, count(*) AS conversions FROM line WHERE standing AND order_id LIKE 'path\\_%' GROUP BY 1"
)
_TRIAL_BALANCE = text(
    "SELECT a.currency, coalesce(sum(b.amount_minor) FILTER (WHERE b.amount_minor > 0), 0) AS debit,"
    " coalesce(-sum(b.amount_minor) FILTER (WHERE b.amount_minor < 0), 0) AS credit"
    " FROM balance b JOIN account a ON a.id = b.account_id GROUP BY 1 ORDER BY 1"
)


@dataclass(frozen=True)
class Flow:
    """How it went: events published, and the seconds until the last of them was in the ledger topic."""

    events: int
    seconds: float


def demo(folder: Path, orders: int, say: Say) -> bool:
    """Run it all on a fresh stack in `folder`, which is down again afterwards; whether everything came out right."""
    stack = Stack(folder)
    say(f"1. Real Kafka and PostgreSQL, one attribution worker, poster and relay, in {_short(folder)}")
    stack.reset()
    stack.up(lambda line: say(f"   {line}"))
    try:
        os.environ.update(stack.environment())
        settings.cache_clear()
        flow = _flow(orders, say)
        return _show(flow, say)
    except NotDrained as problem:
        say(f"   {problem}; the logs are in {_short(stack.layout.log)}")
        return False
    finally:
        say("   stopping")
        stack.down()


def _flow(orders: int, say: Say) -> Flow:
    say("2. Publishing 19,785 real conversion paths and a generated shop week with")
    say("   refunds, duplicates, late touches and ten kinds of poison")
    began = time.monotonic()
    events = 0
    for name, records in _stages(orders):
        counts = publish(records, lambda _: None)
        events += sum(counts.values())
        say(f"   {events:9,} published after {time.monotonic() - began:4.1f} s: {name}")
    wait_until_drained(DRAIN_SECONDS, _Paced(say, began))
    flow = Flow(events, time.monotonic() - began)
    say(f"   all in the ledger topic after {flow.seconds:.1f} s")
    return flow


def _stages(orders: int) -> Iterator[tuple[str, Iterable[Outgoing]]]:
    """What is published, in order: half of the week's reference data comes after the orders that it prices."""
    week = shop_week.shop_week(orders)
    half = len(week.registry) // 2
    yield "plans, relations, contents", map(record, chain(conversion_paths.registry(), week.registry[:half]))
    yield "conversion paths", map(record, conversion_paths.events())
    yield "shop week", map(record, shop_week.arrivals(week.log, seed=1))
    yield "the rest of the plans and relations, late", map(record, week.registry[half:])
    bad = [one.record for one in (*poison.bad(), *poison.registry())]
    yield "poison", [*poison.good(), *bad, *poison.misplaced(), *poison.afterwards()]


class _Paced:
    """Passes on at most a line every two seconds."""

    def __init__(self, say: Say, began: float) -> None:
        self._say, self._began, self._last = say, began, 0.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= 2:
            self._last = now
            short = line if len(line) < 110 else f"{line[:107]}..."
            self._say(f"   {now - self._began:5.1f} s  on its way: {short}")


def _show(flow: Flow, say: Say) -> bool:
    with engine("reader").connect() as books:
        say("3. Who earned most (pending, in minor units)")
        for koc, currency, earned in books.execute(_TOP_KOCS):
            say(f"   {koc:12} {earned:>14,} {currency}")
        say("4. Last click over the conversion paths, against the published totals")
        counted = {koc.removeprefix("k_"): count for koc, count in books.execute(_LAST_CLICKS)}
        right = True
        for channel, published in conversion_paths.LAST_CLICK.items():
            ours = counted.get(channel, 0)
            right &= ours == published
            say(f"   {channel:12} {ours:7,}   published {published:7,}")
        say("5. Trial balance")
        for currency, debit, credit in books.execute(_TRIAL_BALANCE):
            right &= debit == credit
            say(f"   {currency}  debit {debit:,}  credit {credit:,}  difference {debit - credit}")
    for number, (title, *command) in enumerate(_COMMANDS, 6):
        say(f"{number}. {title}:  koc {' '.join(command)}")
        right &= _run(command) == 0
    say(f"{6 + len(_COMMANDS)}. Through the whole path: {flow.events:,} events in {flow.seconds:.1f} s")
    say(f"   {flow.events / flow.seconds:,.0f} events per second")
    return right


_COMMANDS = (
    ("One order, explained", "explain", EXPLAINED_ORDER),
    ("What was refused", "dlq", "list"),
    ("The proof", "ledger", "verify"),
    ("The digest, the same on every machine", "ledger", "digest"),
)


def _run(command: list[str]) -> int:
    """Run `koc` as its user would, on the demo's stack."""
    sys.stdout.flush()
    koc = Path(sys.executable).with_name("koc")
    return subprocess.run([str(koc), *command], check=False, stdin=subprocess.DEVNULL).returncode


def _short(folder: Path) -> str:
    """The folder as seen from here, where it lies below."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
