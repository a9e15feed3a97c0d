"""A process that carries out many runs."""

import pytest

from services.settlement.books.run_store import run_store
from services.settlement.runs.run import apply_run, plan_run
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.books import Books
from tests.kit.runs import request_of
from tests.kit.settling_rules import ZERO
from tests.kit.waiting import until

CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
OF_A_THREAD = 2
"""Connections: one for transactions, one for what is created outside them."""


@pytest.mark.parametrize("threads", [1, 2])
def test_later_runs_use_the_connections_of_earlier_ones(books: Books, threads: int) -> None:
    with run_store() as store:
        connected = []
        for number in range(4):
            run = plan_run(store, request_of(f"run-{number}", ZERO), lambda _: None)
            apply_run(store, run, ZONE_MINUTES, lambda _: None, lambda attempt: attempt(), threads)
            connected.append(set(books.rows(CONNECTED)))
        # a connection that was given up may take a moment to end
        until(
            lambda: len(set(books.rows(CONNECTED)) - connected[1]) <= (threads - 1) * OF_A_THREAD,
            f"the last two runs need no connections of their own: {connected}",
        )
