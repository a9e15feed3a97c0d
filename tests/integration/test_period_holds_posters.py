"""A close adds the month up beside the posters; they wait for the end of its last transaction alone."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from services.runtime.database import psycopg_dsn
from services.settlement.books.closing_transaction import ClosingTransaction
from services.settlement.books.posting_transaction import PostingTransaction
from tests.kit import periods
from tests.kit.book_driver import BookDriver
from tests.kit.books import Books, PostgresStore
from tests.kit.periods import SETTING, paid
from tests.kit.waiting import until

ACCOUNTS, ROWS = 20_000, 400_000
PLANTED = f"""
INSERT INTO account (key, currency) SELECT 'koc:p_' || n || ':pending', 'CNY' FROM generate_series(0, {ACCOUNTS - 1}) n;
INSERT INTO journal
SELECT 11, n, 'planted|' || n, 'a test', 1, 'CNY', '2026-06', now(), now(), null, null, null,
  ARRAY[first.id + n % ({ACCOUNTS} - 1), first.id + {ACCOUNTS} - 1], ARRAY[3, -3], '\\x00'
FROM generate_series(1, {ROWS}) n, (SELECT min(id) AS id FROM account WHERE key LIKE 'koc:p\\_%') first;
UPDATE writer SET seq = {ROWS} WHERE partition = 11;
"""
"""Many rows of June on many accounts; nobody verifies them."""


class Waits(NamedTuple):
    """When transactions of a poster asked for PERIOD, and how many seconds they waited."""

    asked: list[float]
    waited: list[float]

    def within(self, began: float, ended: float) -> int:
        """How many of them asked and got it in this time."""
        every = zip(self.asked, self.waited, strict=True)
        return sum(began <= asked and asked + waited <= ended for asked, waited in every)


def post_until(stop: Path, partition: int, waits: Path) -> None:
    """Post a line a transaction, in a process of its own, until the file is there."""
    if os.fork():
        return
    try:
        found, original = Waits([], []), PostingTransaction.lock_shared

        def timed(transaction: PostingTransaction) -> None:
            began = time.monotonic()
            original(transaction)
            found.asked.append(began)
            found.waited.append(time.monotonic() - began)

        PostingTransaction.lock_shared = timed
        poster, number = BookDriver(PostgresStore(None)), 0
        while not stop.exists():
            number += 1
            lines = [paid(number, 3, line_id=str(line)) for line in range(20)]
            poster.assert_lines(*(line.but(order_id=f"o_{partition}_{number}") for line in lines), partition=partition)
            waits.with_suffix(".begun").touch()
        waits.write_text(json.dumps(found))
    finally:
        os._exit(0)


def asked_for_period(patch: pytest.MonkeyPatch) -> list[tuple[float, bool]]:
    """When a close of this process asked for PERIOD, for which posters that come later wait; and whether it got it."""
    found, original = [], ClosingTransaction.try_lock_period

    def noted(transaction: ClosingTransaction, patience_ms: int) -> bool:
        at = time.monotonic()
        found.append((at, original(transaction, patience_ms)))
        return found[-1][1]

    patch.setattr(ClosingTransaction, "try_lock_period", noted)
    return found


def test_two_posters_wait_for_the_cut_and_not_for_the_sums(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.register(*SETTING)
    with psycopg.connect(psycopg_dsn("owner")) as owner:
        owner.execute(PLANTED)
    stop, files = tmp_path / "stop", [tmp_path / f"{partition}.json" for partition in (3, 4)]
    for partition, waits in zip((3, 4), files, strict=True):
        post_until(stop, partition, waits)
    began: Callable[[], bool] = lambda: all(waits.with_suffix(".begun").exists() for waits in files)  # noqa: E731
    until(began, "both posters post")
    tries = asked_for_period(monkeypatch)
    asked = time.monotonic()
    done = periods.close("2026-06")
    ended = time.monotonic()
    stop.touch()
    until(lambda: all(waits.exists() for waits in files), "both posters have ended")
    every = [Waits(*json.loads(waits.read_text())) for waits in files]
    passed = [poster.within(asked, tries[0][0]) for poster in every]
    # a poster's own waits also have the moments in which its process did not get on for other reasons
    held = ended - next(at for at, has_got_it in tries if has_got_it)
    print(f"close {ended - asked:.3f} s, transactions before it asked for PERIOD {passed}, held {held:.3f} s")
    assert done.result["cut"][3] > 0 < done.result["cut"][4]
    assert min(passed) > 3, "posters went on while it added the month up"
    assert held < (ended - asked) / 2
