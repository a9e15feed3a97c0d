"""How fast people's questions are answered by a large book: `python -m tests.bench.console [LINES]`.

A stack of its own is filled with a year of lines (console_books.py). Then every lookup is timed for the KOC, the brand
and the run that have the most lines, its lists from their first page and from one far down. Nothing else should run on
the machine.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from services.kernel.time import to_micros
from services.settlement.books.lookups import brand, left_out, party, party_lines, run_lines, search
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.reader import books_reader
from services.settlement.domain.settling.candidates import BLOCKING_REASONS
from tests.bench import console_books
from tests.kit.stacks import stack_of_its_own

LINES = 1_000_000
ROUNDS = 15
FAR_DOWN = 20
"""Pages that are turned before one is timed."""

_List = Callable[..., KeysetPage[Any]]
_KOC, _MCN, _BRAND = "k_0", "m_0", "br_0"
_TEXTS = ("nothing_at_all", "c1_o_00010", "c1", "k_0", "k_1", "koc:k_2", "br_0", "v_0_0", "payday", "week-2")


def lookups(connection: Connection) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is timed, by name."""
    for text in _TEXTS:
        yield f"find {text}", partial(search.find, connection, text)
    yield "party_money", partial(party.party_money, connection, f"koc:{_KOC}")
    yield "party_statements", partial(party.party_statements, connection, f"koc:{_KOC}")
    yield "party_debts", partial(party.party_debts, connection, f"koc:{_KOC}")
    yield "coming_days", partial(party_lines.coming_days, connection, _KOC)
    yield "coming_days_of", partial(party_lines.coming_days_of, connection, f"mcn:{_MCN}")
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
    yield "coming_lines", partial(party_lines.coming_lines, connection, _KOC)
    yield "party_entries", partial(party.party_entries, connection, f"koc:{_KOC}")
    yield "party_payouts", partial(party.party_payouts, connection, f"koc:{_KOC}")
    yield "brand_lines", partial(brand.brand_lines, connection, _BRAND)
    yield "run_lines", partial(run_lines.run_lines, connection, console_books.run_name(20))
    now = to_micros(datetime.now(UTC))
    for reason in BLOCKING_REASONS:
        yield f"left out, {reason}", partial(left_out.left_out_lines, connection, reason, now)


def measure(connection: Connection) -> None:
    """Print median and slowest of each lookup in milliseconds."""
    for name, look_up in lookups(connection):
        taken = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            look_up()
            taken.append((time.perf_counter() - began) * 1_000)
        print(f"  {name:26} median {statistics.median(taken):8.1f} ms   slowest {max(taken):8.1f} ms", flush=True)


def main() -> None:
    """Fill a book, and measure."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as folder, stack_of_its_own(Path(folder) / "stack"):
        began = time.perf_counter()
        console_books.fill(lines)
        print(f"{lines:,} lines after {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        with books_reader() as reader, reader.connect() as connection:
            measure(connection)


if __name__ == "__main__":
    main()
