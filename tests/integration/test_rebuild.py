"""`koc ledger rebuild --from-topics`: the books once more, beside the books, and what differs."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from schemas.topics import COMMANDS, CREDITS, REGISTRY
from services.kernel.errors import InputRefused, StartRefused
from services.operations.rebuild.rebuild import rebuild
from services.operations.rebuild.report import RebuildReport
from services.runtime.database import engine, psycopg_dsn
from services.runtime.local.stack import Stack
from services.settlement.domain.paying.payouts import payout_id
from tests.kit import decided_payouts, runs
from tests.kit.audit_world import MemoryTopics
from tests.kit.command import koc
from tests.kit.commands import address_of_approver, freeze, given, release
from tests.kit.recorded_books import RecordedBooks
from tests.kit.run_books import fill_for_a_run
from tests.kit.runs import apply, plan
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import DAY
from tests.kit.settling_rules import ZERO
from tests.kit.topics import make_again, send
from tests.reference.settling_script import Credited, HoldReleased, Paid, PlanOf, Published, Refunded, Run
from tests.reference.settling_words import K7, K8

DATED_OTHERWISE = """
SELECT count(*), count(*) FILTER (WHERE effective_at <> at OR recorded_at <> at)
FROM journal JOIN command ON idem_key = 'command|' || id
"""
"""Entries of commands, and those that are not dated as the command was recorded."""
DEARER = PlanOf("pl_1", 300_000, version=2)


@pytest.fixture
def books(empty_database: str) -> Iterator[RecordedBooks]:
    del empty_database
    opened = RecordedBooks()
    yield opened
    opened.close()


def live(books: RecordedBooks) -> None:
    """Two runs with tiers, bonus, budget, reserve, refunds, clawbacks; commands of each kind; and what comes after."""
    fill_for_a_run(books)
    tell = ScriptedBooks(books).tell
    # decisions about money
    given("adjustment", "propose", "CNY", "clawback:koc:k_7=50.00", "bank:main=-50.00", "--id", "advance")
    given("adjustment", "approve", "advance", by=address_of_approver())
    given("clawback", "write-off", "koc:k_7", "1.00", "CNY")
    given("clawback", "repaid", "koc:k_7", "2.00", "CNY")
    given("brand", "paid", "br_2", "30.00", "CNY")
    given("traffic", "bought", "douyin", "9.00", "CNY")
    # decisions about lines
    freeze("o3/1/b_1", "a test")
    freeze("o_never/1/b_9", "before it comes")
    tell(Paid("x1", 12_345, K7, day=13))
    release("o3/1/b_1")
    tell(Published(DEARER))
    given("settlement", "rerate", "o6/1/b_1")
    tell(Credited("x1", K8))
    # a run that events come between
    planned = plan(books, ZERO + 30 * DAY, "run-30")
    tell(Refunded("x1", 2_345))
    tell(HoldReleased("h1"))
    freeze("o8/1/b_4", "a test")
    apply(books, planned)
    # and what no run has seen
    tell(Paid("x2", 5_000, K8, day=31))
    tell(Refunded("x1", 2_400))


def pay(books: RecordedBooks) -> None:
    """Payouts of all states, behind `live`: netting counts from those that stand."""
    scripted = ScriptedBooks(books)
    for owner in PAID:
        scripted.register("payee.set", owner=owner, rail="bank", ref=f"ref_{owner.partition(':')[2]}")
    # one batch is cancelled, one is paid, but for a payout that is rejected and one that is cancelled before
    decided_payouts.propose("p0", ZERO + 32 * DAY)
    decided_payouts.cancel("p0")
    amounts = propose_and_approve(books, "p1", ZERO + 33 * DAY, without="koc:k_9")
    rejected = payout_id("p1", "koc:k_7", "CNY")
    answers = [(name, "rejected" if name == rejected else "confirmed", minor, 0) for name, minor in amounts.items()]
    decided_payouts.reply("f1", [*answers, ("UNKNOWN", "confirmed", 1, 0), answers[0]])
    # clawbacks after a payout, a run, a payout that is returned, and one that is released
    scripted.tell(Paid("x3", 60_000, K7, day=33))
    runs.settle(books, ZERO + 42 * DAY, "run-42")
    scripted.tell(Refunded("x3", 50_000))
    runs.settle(books, ZERO + 43 * DAY, "run-43")
    scripted.register("payee.set", owner="koc:k_7", rail="wechat", ref="another")
    amounts = propose_and_approve(books, "p2", ZERO + 44 * DAY)
    decided_payouts.reply("f2", [(name, "confirmed", minor, 5) for name, minor in amounts.items()])
    returned = next(iter(amounts))
    decided_payouts.reply("f3", [(returned, "returned", amounts[returned], 0)])
    decided_payouts.release(returned)
    decided_payouts.propose("p3", ZERO + 45 * DAY)


PAID = ("koc:k_7", "koc:k_8", "koc:k_9", "mcn:m_1", "mcn:m_2")


def propose_and_approve(books: RecordedBooks, batch: str, as_of: int, without: str | None = None) -> dict[str, int]:
    """A batch without one party's payout; its payouts' amounts by id."""
    decided_payouts.propose(batch, as_of)
    if without is not None:
        decided_payouts.cancel(batch, payout_id(batch, without, "CNY"))
    decided_payouts.approve(batch)
    wanted = f"SELECT id, amount_minor FROM payout WHERE batch = '{batch}' AND status = 'instructed' ORDER BY id"
    return dict(books.rows(wanted))


def rebuilt(books: RecordedBooks, topics: MemoryTopics | None = None, database: str | None = None) -> RebuildReport:
    return rebuild(engine("reader"), topics or books.topics(), database, lambda _line: None, is_kept=False)


def scratches() -> set[str]:
    """Databases that rebuilds have made and left."""
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'koc_rebuild_%'")
        return {name for (name,) in found}


def test_books_with_runs_and_commands_are_rebuilt_to_the_same_digest_and_balances(books: RecordedBooks) -> None:
    live(books)
    report = rebuilt(books)
    assert (report.differences, report.notes) == ([], [])
    assert report.digests is not None
    assert report.digests[0] == report.digests[1]
    counted = {what: report.replayed[what] for what in ("runs", "commands", "credits")}
    assert counted == {"runs": 2, "commands": 13, "credits": 75}
    assert scratches() == set()


def test_payouts_and_replies_are_rebuilt(books: RecordedBooks) -> None:
    live(books)
    pay(books)
    states = {(batch, status) for batch, status in books.rows("SELECT DISTINCT batch, status FROM payout")}
    assert {("p0", "cancelled"), ("p1", "cancelled"), ("p1", "rejected"), ("p2", "returned")} <= states
    assert {("p1", "confirmed"), ("p3", "instructed")} <= states
    report = rebuilt(books)
    assert (report.differences, report.notes) == ([], [])
    assert report.digests is not None
    assert report.digests[0] == report.digests[1]
    assert {what: report.replayed[what] for what in ("runs", "payout batches")} == {"runs": 4, "payout batches": 4}


def test_each_planted_difference_is_named(books: RecordedBooks) -> None:
    """One after the other in one book."""
    live(books)
    topics = books.topics()
    account = "(SELECT id FROM account WHERE key = 'koc:k_7:payable' AND currency = 'CNY')"
    books.plant(f"UPDATE balance SET amount_minor = amount_minor - 1 WHERE account_id = {account}")
    assert {one.where for one in rebuilt(books, topics).differences} == {"koc:k_7:payable CNY"}
    books.plant(
        "UPDATE journal SET amounts = ARRAY[amounts[1] + 5, amounts[2] - 5] || amounts[3:] "
        "WHERE order_id = 'x2' AND kind = 1"
    )
    found = {(one.check, one.where.partition(",")[0]) for one in rebuilt(books, topics).differences}
    assert found == {("balance", "koc:k_7:payable CNY"), ("position", "line x2/1")}


def test_a_changed_credit_changes_the_plan_and_all_that_follows(books: RecordedBooks) -> None:
    live(books)
    topics = books.topics()
    place, log = next((place, log) for place, log in topics.logs.items() if place[0] == CREDITS.name)
    log[0] = json.dumps(json.loads(log[0]) | {"goods_paid_minor": 77_777}).encode()
    report = rebuilt(books, topics)
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
    (found,) = rebuilt(books, topics).differences
    assert (found.check, found.where) == ("command", f"command 2 {commands[1]['command_id']}")
    assert "is not frozen" in found.rebuilt


def test_books_that_are_not_at_rest_are_refused(books: RecordedBooks) -> None:
    scripted = ScriptedBooks(books)
    for event in (Published(DEARER), Paid("x1", 12_345, K7)):
        scripted.tell(event)
    unfinished = plan(books, ZERO + 30 * DAY, "run-30")
    with pytest.raises(StartRefused, match="run run-30 is not applied to its end"):
        rebuilt(books)
    apply(books, unfinished)
    books.take_registry({"event_id": "r9", "event_type": "house.set", "occurred_at": "2026-01-09T00:00:00Z",
                         "effective_from": "2026-01-01T00:00:00Z", "vat_ppm": {"CNY": 1}})  # fmt: skip
    with pytest.raises(StartRefused, match="lines wait to be priced again"):
        rebuilt(books)
    books.reprice()
    assert rebuilt(books).is_clean


def test_topics_that_do_not_hold_all_are_refused(books: RecordedBooks) -> None:
    scripted = ScriptedBooks(books)
    scripted.tell(Paid("x1", 12_345, K7))
    scripted.tell(Run(12))
    (place, log), whole = next(one for one in books.topics().logs.items() if one[0][0] == CREDITS.name), books.topics()
    with pytest.raises(StartRefused, match="no longer begins at offset 0 but at 1"):
        rebuilt(books, MemoryTopics(whole.logs, {place: 1}))
    with pytest.raises(StartRefused, match=f"{place[0]}-{place[1]} ends at offset 0 and the books know 1 records"):
        rebuilt(books, MemoryTopics(whole.logs | {place: log[:0]}))
    with pytest.raises(StartRefused, match="ends at offset 0 and the books know 1 records: run `koc drain`"):
        rebuilt(books, MemoryTopics(whole.logs | {(COMMANDS.name, 0): []}))


def test_a_given_database_is_filled_and_kept_and_no_other_one_is_touched(
    books: RecordedBooks, on_stack: Stack, empty_database: str
) -> None:
    live(books)
    with psycopg.connect(on_stack.superuser_dsn(), autocommit=True) as server:
        server.execute("CREATE DATABASE given_one OWNER koc_owner")
        server.execute("CREATE DATABASE another_one")
        try:
            assert rebuilt(books, database="given_one").is_clean
            for name, reason in (
                ("given_one", "is not empty"), (empty_database, "is not empty"),
                ("another_one", "the owner has no database"), ("no_such", "the owner has no database"),
            ):  # fmt: skip
                with pytest.raises(InputRefused, match=reason):
                    rebuilt(books, database=name)
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
                rebuilt(books)
        finally:
            server.execute("ALTER ROLE koc_owner CREATEDB")


def test_the_command_reads_the_topics_of_the_broker(books: RecordedBooks) -> None:
    live(books)
    make_again([CREDITS.name, REGISTRY.name, COMMANDS.name])
    for (topic, partition), values in books.topics().logs.items():
        send(topic, values, partition=partition)
    done = koc("ledger", "rebuild", "--from-topics", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["clean"], said["books"]) == (0, True, said["rebuilt"])
    assert "planning run run-30 again, as of 2026-02-04T04:00:00Z" in done.stderr
    assert koc("ledger", "rebuild", "--from-topics").stdout.splitlines()[-1] == (
        f"the rebuilt books are the same: digest {said['books']['sha256']}"
    )
    books.plant("UPDATE balance SET amount_minor = amount_minor + 1 WHERE account_id = 1")
    done = koc("ledger", "rebuild", "--from-topics")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "the rebuilt books differ: 1 difference")
    assert scratches() == set()
