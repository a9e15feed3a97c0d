"""A reply that is killed or given twice at once: each payout is booked once, and the same file finishes the rest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.kernel.errors import StartRefused
from services.runtime.database import engine, psycopg_dsn
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.snapshot import snapshot
from services.settlement.payment_files.book_replies import ROWS_PER_COMMAND, book_replies
from services.settlement.payment_files.read_reply import read_reply
from services.settlement.verify.verify import verify
from tests.kit.booking_process import BookingProcess
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.parties_due import PartyDue, instruct
from tests.kit.run_processes import until_run_is_free
from tests.kit.waiting import until

MANY = ROWS_PER_COMMAND + 500


@pytest.fixture
def file(books: Books, tmp_path: Path) -> Path:
    """A reply that confirms most of a batch and rejects some, in two parts."""
    ids = instruct(books, "p1", *(PartyDue(f"koc:k_{number}", 100 + number) for number in range(MANY)))
    rows = [f"{name},{'rejected' if number % 7 == 0 else 'confirmed'},,," for number, name in enumerate(ids)]
    written = tmp_path / "reply.csv"
    written.write_text("payout,outcome,amount,currency,fee\n" + "\n".join(rows) + "\n")
    return written


@pytest.fixture
def process(file: Path, tmp_path: Path) -> Iterator[BookingProcess]:
    """`koc payout reply`, not yet started."""
    found = BookingProcess(tmp_path / "first", "first", ["payout", "reply", str(file), "--json"])
    yield found
    found.kill()


def booked(books: Books) -> dict[str, Any]:
    rejected = sum(100 + number for number in range(0, MANY, 7))
    everything = sum(100 + number for number in range(MANY))
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []
    totals = dict(books.rows(
        "SELECT regexp_replace(key, '.*:(held|in_transit|receivable)$', '\\1'), sum(amount_minor)::bigint"
        " FROM balance JOIN account ON id = account_id WHERE amount_minor <> 0 GROUP BY 1"
    ))  # fmt: skip
    assert totals == {"held": -rejected, "bank:main": -(everything - rejected), "receivable": everything}
    return {
        "statuses": books.rows("SELECT status, refused, count(*) FROM payout GROUP BY 1, 2 ORDER BY 1"),
        "rows": books.rows("SELECT count(*), count(DISTINCT row), count(finding) FROM payout_reply"),
        "entries": books.rows("SELECT count(*), count(DISTINCT idem_key) FROM journal WHERE kind > 25"),
        "commands": books.rows("SELECT count(*) FROM command WHERE kind = 'payout.replied'"),
    }


def expected() -> dict[str, Any]:
    rejected = len(range(0, MANY, 7))
    return {
        "statuses": [("confirmed", False, MANY - rejected), ("rejected", True, rejected)],
        "rows": [(MANY, MANY, 0)],
        "entries": [(MANY, MANY)],
        "commands": [(2,)],
    }


def finish(file: Path) -> None:
    """Give the file again, once the server has noticed that nobody holds RUN any more."""
    until_run_is_free()
    done = koc("payout", "reply", str(file), "--json")
    assert done.returncode == 0, done.stderr


def test_killed_within_a_part_nothing_of_it_is_booked(books: Books, file: Path, process: BookingProcess) -> None:
    with process.held_within_a_transaction("journal"):
        process.start()
        process.wait_within_a_transaction("journal")
        process.kill()
    until_run_is_free()
    assert books.rows("SELECT count(*) FROM payout_reply") == [(0,)]
    assert books.rows("SELECT DISTINCT status FROM payout") == [("instructed",)]
    finish(file)
    assert booked(books) == expected()


def test_killed_between_two_parts_the_same_file_books_the_rest(
    books: Books, file: Path, process: BookingProcess
) -> None:
    last = file.read_text().splitlines()[-1].partition(",")[0]
    with psycopg.connect(psycopg_dsn("owner")) as owner:
        owner.execute("SELECT FROM payout WHERE id = %s FOR UPDATE", (last,))
        process.start()
        until(lambda: books.rows("SELECT count(*) FROM payout_reply") == [(ROWS_PER_COMMAND,)], "one part is booked")
        until(lambda: books.rows("SELECT FROM pg_locks WHERE NOT granted"), "it waits in the second", process=process)
        process.kill()
    assert books.rows("SELECT count(*) FROM command WHERE kind = 'payout.replied'") == [(1,)]
    finish(file)
    assert booked(books) == expected()


def test_two_at_once_one_is_told_who_is_at_work(books: Books, file: Path, process: BookingProcess) -> None:
    with process.held_within_a_transaction("journal"):
        process.start()
        process.wait_within_a_transaction("journal")
        with operator_books() as book, pytest.raises(StartRefused, match="is at work"):
            book_replies(book, read_reply(file.read_bytes(), None))
    assert process.ended() == 0
    finish(file)
    assert booked(books) == expected()
