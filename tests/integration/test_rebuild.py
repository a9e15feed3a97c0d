"""`koc ledger rebuild --from-topics`: the books once more, beside the books, and what differs."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import psycopg
import pytest

from schemas.topics import COMMANDS, CREDITS, REGISTRY
from services.kernel.errors import InputRefused, StartRefused
from services.operations.rebuild.rebuild import rebuild
from services.operations.rebuild.report import RebuildReport
from services.runtime.database import engine, psycopg_dsn
from services.runtime.local.stack import Stack
from tests.kit.audit_world import MemoryTopics
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.commands import freeze, release
from tests.kit.lived_books import DEARER, close_months, live, pay
from tests.kit.recorded_books import RecordedBooks
from tests.kit.runs import apply, plan
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import DAY
from tests.kit.settling_rules import ZERO
from tests.kit.stacks import database_like, empty_database_on, leading_to
from tests.kit.topics import make_again, send
from tests.reference.settling_script import Paid, Published, Run
from tests.reference.settling_words import K7

DATED_OTHERWISE = """
SELECT count(*), count(*) FILTER (WHERE effective_at <> at OR recorded_at <> at)
FROM journal JOIN command ON idem_key = 'command|' || id
"""
"""Entries of commands, and those that are not dated as the command was recorded."""


class LivedHistory(NamedTuple):
    """The database of books after `live`, and what was published of them."""

    database: str
    topics: MemoryTopics


@pytest.fixture(scope="module")
def history(stack: Stack) -> Iterator[LivedHistory]:
    """Lived once; each test has a copy of the books."""
    with leading_to(stack), empty_database_on(stack) as name:
        opened = RecordedBooks()
        live(opened)
        topics = opened.topics()
        opened.close()
        yield LivedHistory(name, topics)


@pytest.fixture
def lived(history: LivedHistory, on_stack: Stack) -> Iterator[Books]:
    """A copy of the books; settings() lead to it."""
    with database_like(history.database, on_stack):
        opened = Books()
        yield opened
        opened.close()


@pytest.fixture
def books(empty_database: str) -> Iterator[RecordedBooks]:
    """Books without anything."""
    del empty_database
    opened = RecordedBooks()
    yield opened
    opened.close()


def rebuilt(topics: MemoryTopics, database: str | None = None) -> RebuildReport:
    return rebuild(engine("reader"), lambda: nullcontext(topics), database, lambda _line: None, is_kept=False)


def scratches() -> set[str]:
    """Databases that rebuilds have made and left."""
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'koc_rebuild_%'")
        return {name for (name,) in found}


@pytest.mark.usefixtures("lived")
def test_books_with_runs_and_commands_are_rebuilt_to_the_same_digest_and_balances(history: LivedHistory) -> None:
    report = rebuilt(history.topics)
    assert (report.differences, report.notes) == ([], [])
    assert report.digests is not None
    assert report.digests[0] == report.digests[1]
    counted = {what: report.replayed[what] for what in ("runs", "commands", "credits")}
    assert counted == {"runs": 2, "commands": 13, "credits": 75}
    assert scratches() == set()


def test_payouts_replies_and_closes_are_rebuilt(books: RecordedBooks) -> None:
    live(books)
    pay(books)
    close_months(books)
    states = {(batch, status) for batch, status in books.rows("SELECT DISTINCT batch, status FROM payout")}
    assert {("p0", "cancelled"), ("p1", "cancelled"), ("p1", "rejected"), ("p2", "returned")} <= states
    assert {("p1", "confirmed"), ("p3", "instructed")} <= states
    report = rebuilt(books.topics())
    assert (report.differences, report.notes) == ([], [])
    assert report.digests is not None
    assert report.digests[0] == report.digests[1]
    assert {what: report.replayed[what] for what in ("runs", "payout batches")} == {"runs": 4, "payout batches": 4}


def test_each_planted_difference_is_named(lived: Books, history: LivedHistory) -> None:
    """One after the other in one book."""
    account = "(SELECT id FROM account WHERE key = 'koc:k_7:payable' AND currency = 'CNY')"
    lived.plant(f"UPDATE balance SET amount_minor = amount_minor - 1 WHERE account_id = {account}")
    assert {one.where for one in rebuilt(history.topics).differences} == {"koc:k_7:payable CNY"}
    lived.plant(
        "UPDATE journal SET amounts = ARRAY[amounts[1] + 5, amounts[2] - 5] || amounts[3:] "
        "WHERE order_id = 'x2' AND kind = 1"
    )
    found = {(one.check, one.where.partition(",")[0]) for one in rebuilt(history.topics).differences}
    assert found == {("balance", "koc:k_7:payable CNY"), ("position", "line x2/1")}


@pytest.mark.usefixtures("lived")
def test_a_changed_credit_changes_the_plan_and_all_that_follows(history: LivedHistory) -> None:
    place, log = next((place, log) for place, log in history.topics.logs.items() if place[0] == CREDITS.name)
    other = json.dumps(json.loads(log[0]) | {"goods_paid_minor": 77_777}).encode()
    report = rebuilt(MemoryTopics(history.topics.logs | {place: [other, *log[1:]]}))
    assert {"plan", "position", "balance"} <= report.found.keys(), place
    assert "run run-12" in {one.where for one in report.differences}


def test_a_command_that_cannot_be_repeated_is_a_difference(books: RecordedBooks) -> None:
    ScriptedBooks(books).tell(Paid("x1", 12_345, K7))
    freeze("x1/1/b_1", "a test")
    release("x1/1/b_1")
    topics = books.topics()
    commands = topics.commands()
    commands[0] |= {"kind": "adjustment.proposed", "body": {}}
    topics.chain_commands(commands)
    (found,) = rebuilt(topics).differences
    assert (found.check, found.where) == ("command", f"command 2 {commands[1]['command_id']}")
    assert "is not frozen" in found.rebuilt


def test_books_that_are_not_at_rest_are_refused(books: RecordedBooks) -> None:
    scripted = ScriptedBooks(books)
    for event in (Published(DEARER), Paid("x1", 12_345, K7)):
        scripted.tell(event)
    unfinished = plan(books, ZERO + 30 * DAY, "run-30")
    with pytest.raises(StartRefused, match="run run-30 is not applied to its end"):
        rebuilt(books.topics())
    apply(books, unfinished)
    books.take_registry({"event_id": "r9", "event_type": "house.set", "occurred_at": "2026-01-09T00:00:00Z",
                         "effective_from": "2026-01-01T00:00:00Z", "vat_ppm": {"CNY": 1}})  # fmt: skip
    with pytest.raises(StartRefused, match="lines wait to be priced again"):
        rebuilt(books.topics())
    books.reprice()
    assert rebuilt(books.topics()).is_clean


def test_posters_may_go_on_meanwhile(books: RecordedBooks) -> None:
    tell = ScriptedBooks(books).tell
    tell(Paid("x1", 12_345, K7))

    def open_topics() -> nullcontext[MemoryTopics]:
        tell(Paid("x2", 500, K7, buyer_id="b_2"))
        return nullcontext(books.topics())

    report = rebuild(engine("reader"), open_topics, None, lambda _line: None, is_kept=False)
    assert (report.differences, report.replayed["credits"]) == ([], 1)


def test_topics_that_do_not_hold_all_are_refused(books: RecordedBooks) -> None:
    scripted = ScriptedBooks(books)
    scripted.tell(Paid("x1", 12_345, K7))
    scripted.tell(Run(12))
    (place, log), whole = next(one for one in books.topics().logs.items() if one[0][0] == CREDITS.name), books.topics()
    with pytest.raises(StartRefused, match="no longer begins at offset 0 but at 1"):
        rebuilt(MemoryTopics(whole.logs, {place: 1}))
    with pytest.raises(StartRefused, match=f"{place[0]}-{place[1]} ends at offset 0 and the books know 1 records"):
        rebuilt(MemoryTopics(whole.logs | {place: log[:0]}))
    with pytest.raises(StartRefused, match="ends at offset 0 and the books know 1 records: run `koc drain`"):
        rebuilt(MemoryTopics(whole.logs | {(COMMANDS.name, 0): []}))


def test_a_given_database_is_filled_and_kept_and_no_other_one_is_touched(
    history: LivedHistory, lived: Books, on_stack: Stack
) -> None:
    own = lived.rows("SELECT current_database()")[0][0]
    with psycopg.connect(on_stack.superuser_dsn(), autocommit=True) as server:
        server.execute("CREATE DATABASE given_one OWNER koc_owner")
        server.execute("CREATE DATABASE another_one")
        try:
            assert rebuilt(history.topics, "given_one").is_clean
            for name, reason in (
                ("given_one", "is not empty"), (own, "is not empty"),
                ("another_one", "the owner has no database"), ("no_such", "the owner has no database"),
            ):  # fmt: skip
                with pytest.raises(InputRefused, match=reason):
                    rebuilt(history.topics, name)
            with psycopg.connect(on_stack.superuser_dsn("given_one")) as filled:
                assert filled.execute('SELECT count(*), count(DISTINCT "by") FROM command').fetchone() == (13, 2)
                assert filled.execute(DATED_OTHERWISE).fetchone() == (5, 0)
        finally:
            server.execute("DROP DATABASE given_one WITH (FORCE)")
            server.execute("DROP DATABASE another_one")


def test_an_owner_that_may_not_make_a_database_is_told_what_to_do(books: RecordedBooks, on_stack: Stack) -> None:
    with psycopg.connect(on_stack.superuser_dsn(), autocommit=True) as server:
        server.execute("ALTER ROLE koc_owner NOCREATEDB")
        try:
            with pytest.raises(StartRefused, match="ALTER ROLE koc_owner CREATEDB"):
                rebuilt(books.topics())
        finally:
            server.execute("ALTER ROLE koc_owner CREATEDB")


def test_the_command_reads_the_topics_of_the_broker(lived: Books, history: LivedHistory) -> None:
    read = [CREDITS.name, REGISTRY.name, COMMANDS.name]
    make_again(read)
    for (topic, partition), values in history.topics.logs.items():
        if topic in read:
            send(topic, values, partition=partition)
    done = koc("ledger", "rebuild", "--from-topics", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["clean"], said["books"]) == (0, True, said["rebuilt"])
    assert "planning run run-30 again, as of 2026-02-04T04:00:00Z" in done.stderr
    assert koc("ledger", "rebuild", "--from-topics").stdout.splitlines()[-1] == (
        f"the rebuilt books are the same: digest {said['books']['sha256']}"
    )
    lived.plant("UPDATE balance SET amount_minor = amount_minor + 1 WHERE account_id = 1")
    done = koc("ledger", "rebuild", "--from-topics")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "the rebuilt books differ: 1 difference")
    assert scratches() == set()
