"""Commands on payouts: approved by somebody else, cancelled before export, released; what cannot be is one sentence."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.cli.main import koc
from services.kernel.errors import Stalled, StartRefused
from services.kernel.time import format_rfc3339
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.lookups.party_snapshot import PartySnapshot
from services.settlement.books.reader import books_reader
from services.settlement.books.run_lock import run_lock
from services.settlement.books.snapshot import repeatable_read
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.payment_files.book_replies import book_replies
from services.settlement.payouts.forecast import next_payouts
from services.settlement.payouts.propose import ProposalRequest, book_batch, try_batch
from services.settlement.verify.verify import verify
from tests.kit.book_driver import ZONE_MINUTES, BookDriver, MemoryStore
from tests.kit.books import Books
from tests.kit.commands import given, login, refused, told
from tests.kit.paid_book import MINIMUM, THIRD, fill_paid
from tests.kit.payouts import payout_name, propose, reply_of
from tests.kit.settled_book import SECOND, received
from tests.kit.settlement_facts import DAY

K_1 = payout_name("p2", "koc:k_1")


@pytest.fixture
def book(books: Books) -> Books:
    fill_paid(books)
    return books


@pytest.fixture
def proposer() -> str:
    address = settings().database_operator_url
    assert address is not None
    return address.get_secret_value()


@pytest.fixture
def third(books: Books, on_stack: Stack) -> Iterator[str]:
    """The address of one more person with the same rights."""
    del books
    with login(on_stack, "koc_operator") as (_, address):
        yield address


def balance(books: Books, key: str) -> int:
    rows = books.rows(f"SELECT amount_minor FROM balance JOIN account ON id = account_id WHERE key = '{key}'")
    return int(rows[0][0]) if rows else 0


def check(books: Books) -> None:
    with books.store.snapshot() as unchanging:
        assert verify(unchanging).differences == []


def batches(books: Books) -> list[tuple[Any, ...]]:
    return books.rows("SELECT id, status, approved_by FROM payout_batch ORDER BY proposed_at")


def test_a_batch_is_approved_by_somebody_else_once(book: Books, third: str, proposer: str) -> None:
    words = ("payout", "approve", "p2")
    assert refused(*words, by=proposer) == (78, "koc_operator_local proposed p2: somebody else must approve it")
    done = given(*words)
    (amount,) = book.rows("SELECT count(*), sum(amount_minor) FROM payout WHERE batch = 'p2'")
    result = done["result"]
    assert (result["payouts"], result["amounts"], done["by"]) == (amount[0], {"CNY": amount[1]}, "koc_approver_local")
    assert batches(book) == [("p1", "proposed", None), ("p2", "approved", "koc_approver_local")]
    assert given(*words)["is_new"] is False
    status, sentence = refused(*words, "--id", "again", by=third)
    assert (status, sentence) == (65, "p2 is approved by koc_approver_local: only a proposed batch can be approved")
    assert refused("payout", "approve", "p9")[0] == 65
    check(book)


def test_the_database_itself_refuses_an_approval_by_the_proposer(book: Books) -> None:
    with psycopg.connect(psycopg_dsn("operator")) as connection, pytest.raises(psycopg.Error, match="four_eyes"):
        connection.execute("UPDATE payout_batch SET status = 'approved', approved_by = session_user WHERE id = 'p2'")
    assert batches(book)[1] == ("p2", "proposed", None)


def test_one_payout_is_cancelled_then_the_rest_and_the_next_batch_covers_all(book: Books) -> None:
    before = {one.plan.party: one.plan.amount_minor for one in book.store.stored_payouts("p2")}
    assert refused("payout", "cancel", "p2", "--payout", "NONE") == (
        65, "p2 has no open payout NONE: `koc payout show p2` lists its payouts",
    )  # fmt: skip
    done = given("payout", "cancel", "p2", "--payout", K_1)
    assert done["result"] == {"payouts": 1, "amounts": {"CNY": before["koc:k_1"]}}
    assert balance(book, "koc:k_1:payable") == -before["koc:k_1"]
    check(book)
    assert given("payout", "approve", "p2")["result"]["payouts"] == len(before) - 1, "what is left of it is approved"
    rest = given("payout", "cancel", "p2")
    assert rest["result"]["payouts"] == len(before) - 1
    assert batches(book)[1][1] == "cancelled"
    assert refused("payout", "cancel", "p2", "--id", "more") == (65, "p2 is cancelled already")
    check(book)
    propose(book, THIRD, "p3")
    after = {one.plan.party: one for one in book.store.stored_payouts("p3")}
    assert {party: one.plan.amount_minor for party, one in after.items()} == before
    old = {one.plan.party: one for one in book.store.stored_payouts("p2")}
    assert not {one.id for one in after.values()} & {one.id for one in old.values()}, "an old id is never paid"
    check(book)


def test_the_last_payout_of_a_batch_cancels_the_batch(book: Books) -> None:
    for one in book.store.stored_payouts("p2"):
        given("payout", "cancel", "p2", "--payout", one.id)
    assert batches(book)[1] == ("p2", "cancelled", None)
    status, sentence = refused("payout", "approve", "p2")
    assert (status, sentence) == (65, "p2 is cancelled: only a proposed batch can be approved")
    check(book)


def test_a_payout_with_a_later_one_of_its_party_or_in_an_exported_batch_stays(book: Books) -> None:
    status, sentence = refused("payout", "cancel", "p1")
    assert status == 65
    assert sentence.endswith(" of batch p2 pays one of these parties what came later: cancel that one first")
    given("payout", "approve", "p2")
    book.grant(
        "INSERT INTO payout_file (sha256, batch, name, form, rail, currency, number, payouts, amount_minor, command)"
        " VALUES ('x', 'p2', 'n', 'csv', 'bank', 'CNY', 1, 1, 1, 'c')"
    )
    assert refused("payout", "cancel", "p2") == (
        65, "p2 was exported, so the bank may have paid it: only the bank's reply can end its payouts",
    )  # fmt: skip
    check(book)


def test_a_refused_payout_is_held_until_it_is_released_and_is_paid_under_a_new_id(book: Books) -> None:
    (payout,) = [one for one in book.store.stored_payouts("p2") if one.id == K_1]
    assert refused("payout", "release", K_1) == (65, f"payout {K_1} is instructed: only one that came back is held")
    with operator_books() as operator:
        assert book_replies(operator, reply_of([payout], "rejected", "f1")).booked == 1
    reasons = {one["reason"] for one in propose(book, THIRD, "p3").counts["skipped"]}
    assert "payout_refused" in reasons
    assert balance(book, "koc:k_1:payable") == 0
    check(book)
    done = given("payout", "release", K_1)
    assert done["result"] == {"payouts": 1, "amounts": {"CNY": payout.plan.amount_minor}}
    assert refused("payout", "release", K_1, "--id", "more") == (65, f"payout {K_1} was released before")
    propose(book, THIRD, "p4")
    (new,) = book.store.stored_payouts("p4")
    assert (new.plan.party, new.plan.amount_minor) == ("koc:k_1", payout.plan.amount_minor)
    assert new.id == payout_name("p4", "koc:k_1")
    check(book)


def test_list_and_show_say_what_was_decided(book: Books) -> None:
    given("payout", "approve", "p2")
    listed = json.loads(told("payout", "list", "--json"))
    assert [(one["batch"], one["state"]) for one in listed] == [("p1", "proposed"), ("p2", "approved")]
    assert [one["batch"] for one in json.loads(told("payout", "list", "--status", "approved", "--json"))] == ["p2"]
    assert listed[1]["states"][0]["status"] == "instructed"
    shown = json.loads(told("payout", "show", "p2", "--json"))
    payouts = book.store.stored_payouts("p2")
    assert [one["payout"] for one in shown["rows"]] == [one.id for one in payouts]
    assert shown["approved_by"] == "koc_approver_local"
    assert sum(one["netted_payable_minor"] for one in shown["nets"]) > 0
    one = json.loads(told("payout", "show", K_1, "--json"))
    assert sum(entry["amount_minor"] for entry in one["covers"]) == -one["amount_minor"]
    assert len(one["covers"]) == one["entries"]
    text = told("payout", "show", "p2")
    assert "approved by koc_approver_local at 20" in text
    assert f"{K_1}  koc:k_1" in text
    assert "covers " in told("payout", "show", K_1)
    assert "2 batches" in told("payout", "list")


def test_what_there_is_not_is_said_and_ends_with_one(book: Books) -> None:
    from typer.testing import CliRunner

    del book
    done = CliRunner().invoke(koc, ["payout", "show", "p9"])
    assert (done.exit_code, done.stdout) == (1, "")


def test_no_proposal_is_made_while_somebody_holds_run(book: Books) -> None:
    with (
        operator_books() as other,
        run_lock(other.connection(), "settlement.run"),
        pytest.raises(StartRefused, match="koc_operator_local is at work"),
    ):
        propose(book, THIRD, "p3")


def test_a_plan_is_not_booked_where_others_have_decided_since(book: Books) -> None:
    """Whoever proposes lost RUN with its connection, and somebody else took it."""
    before = batches(book)
    draft = CommandDraft("p3", CommandKind.PAYOUT_PROPOSED, "a test", {})
    request = ProposalRequest(draft, THIRD, ZONE_MINUTES)
    with book.store.payouts() as store:
        plan = try_batch(store, request, lambda _line: None)
        given("brand", "paid", "br_2", "30.00", "CNY")
        with pytest.raises(Stalled, match="was cut while the plan was made"), store.proposing() as transaction:
            book_batch(transaction, plan, request)
    assert batches(book) == before
    check(book)


@pytest.fixture
def in_memory() -> BookDriver:
    books = BookDriver(MemoryStore())
    fill_paid(books)
    return books


def test_nets_read_the_same_in_both_books(book: Books, in_memory: BookDriver) -> None:
    """Netted and clawed back since the last payout, unpaid lines, refused payouts; by party. Then each party alone."""
    parties = [(f"koc:k_{n}", "CNY") for n in range(9)] + [("mcn:m_1", "CNY"), ("koc:k_1", "JPY")]
    read = []
    for one in (book, in_memory):
        with one.store.payouts() as store, store.payout_snapshot() as snapshot:
            claims = snapshot.clawed_back(parties)
            legs = snapshot.open_legs(parties)
            read.append((
                {key: amount for key, amount in snapshot.netted_since(parties).items() if amount}, claims,
                snapshot.unpaid(claims), snapshot.refused(), snapshot.payable_parties(), snapshot.payees(),
                {key: legs[key] for key in legs if legs[key].entry_ids}, snapshot.reserves(THIRD),
            ))  # fmt: skip
    assert read[0] == read[1]
    assert len(read[0][1]) > len(read[0][2]) > 0, "some of what is clawed back is of paid lines"

    _check_parties_alone(book)


def _check_parties_alone(book: Books) -> None:
    """A party read alone is told what a proposal of all would pay it: the same rules see the same facts."""
    hold = {"event_id": "h9", "event_type": "hold.placed", "hold_id": "h_9", "owner": "koc:k_1"}
    later = {"event_id": "m9", "effective_from": format_rfc3339(THIRD + 30 * DAY), "payout_minimum_minor": {"CNY": 1}}
    book.register(hold | {"occurred_at": "2026-11-20T00:00:00Z"}, MINIMUM | later)
    book.assert_lines(received(20, received_at=SECOND).refunded(2_000, at=THIRD + DAY), partition=0)
    moments = (THIRD, THIRD + 40 * DAY)  # while reserves are open, and after their days
    with book.store.payouts() as store, store.payout_snapshot() as snapshot:
        every = {as_of: next_payouts(snapshot, as_of, ZONE_MINUTES) for as_of in moments}
    with books_reader() as reader, repeatable_read(reader) as connection:
        for as_of, some in every.items():
            parties = sorted({one.party for one in some})
            alone = [
                one for party in parties for one in next_payouts(PartySnapshot(connection, party), as_of, ZONE_MINUTES)
            ]
            assert [one for one in alone if one in some or one.decided] == some
        assert next_payouts(PartySnapshot(connection, "koc:k_404"), THIRD, ZONE_MINUTES) == []
    known = [one for some in every.values() for one in some]
    given = [(g.clawback, g.reserve, g.on_hold, g.whole_owner_on_hold) for g in (one.given for one in known)]
    assert all(map(any, zip(*given, strict=True))), "each of these is somebody's case"
    assert {type(one.decided).__name__ for one in known} >= {"PayoutPlan", "SkippedParty"}
