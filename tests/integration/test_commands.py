"""Decisions of people: what they book, who may make them, and that each is recorded once, in one chain."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from services.kernel.errors import StartRefused
from services.operations.doctor.database import check_person
from services.runtime.database import engine, psycopg_dsn
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from services.settlement.books.run_lock import run_lock
from services.settlement.books.snapshot import snapshot
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.commands import given, login, operated_by, refused, status_of, told
from tests.kit.stacks import with_environment

PAID = ("brand", "paid", "br_2", "30.00", "CNY")
RUN_HELD = "SELECT pg_advisory_lock(4715012)"
OWED = ("clawback:koc:k_7=6.30", "brand:br_2:receivable=-6.30")
"""What k_7 owes back after a refund."""


@pytest.fixture
def second(books: Books, on_stack: Stack) -> Iterator[str]:
    """The address of another person with the same rights."""
    del books
    with login(on_stack, "koc_operator") as (_, address):
        yield address


def owe(second: str, legs: tuple[str, ...] = OWED, currency: str = "CNY", name: str = "owed") -> None:
    """Post an adjustment by two people."""
    given("adjustment", "propose", currency, *legs, "--id", name)
    given("adjustment", "approve", name, "--id", f"{name}-posted", by=second)


def balances(books: Books) -> dict[str, int]:
    found = books.rows("SELECT key, amount_minor FROM account JOIN balance ON id = account_id WHERE amount_minor <> 0")
    return dict(found)


def check_books() -> None:
    with snapshot(engine("reader")) as unchanging:
        report = verify(unchanging)
    assert report.differences == []
    assert report.checked["commands"] > 0


def test_a_debt_is_written_off_and_repaid_up_to_what_is_owed(books: Books, second: str) -> None:
    owe(second)
    words = ("clawback", "write-off", "koc:k_7")
    assert refused(*words, "6.31", "CNY") == (65, "koc:k_7 owes 6.30 CNY, so 6.31 CNY cannot be written off")
    done = given(*words, "2.00", "CNY", "--id", "gone")
    assert done["result"] == {"entries": ["12-2"], "owed_minor": 430}
    assert balances(books) == {"brand:br_2:receivable": -630, "clawback:koc:k_7": 430, "writeoff:koc:k_7": 200}
    said = told("clawback", "repaid", "koc:k_7", "4.30", "CNY", "--reason", "by bank", "--id", "paid")
    assert said == "command 4 (paid): koc:k_7 has repaid 4.30 CNY, and it still owes 0.00 CNY\n"
    assert refused("clawback", "repaid", "koc:k_7", "2.01", "CNY") == (
        65, "koc:k_7 owes 0.00 CNY, and 2.00 CNY are written off, so it cannot have repaid 2.01 CNY",
    )  # fmt: skip
    given("clawback", "repaid", "koc:k_7", "2.00", "CNY")
    assert balances(books) == {
        "bank:main": 630, "brand:br_2:receivable": -630, "clawback:koc:k_7": -200, "writeoff:koc:k_7": 200,
    }  # fmt: skip
    kinds = books.rows("SELECT kind, idem_key, cause, order_id FROM journal ORDER BY seq")
    assert kinds[:3] == [
        (22, "command|owed-posted", "command owed-posted", None),
        (13, "command|gone", "command gone", None),
        (15, "command|paid", "command paid", None),
    ]
    check_books()


def test_a_brand_pays_and_traffic_is_bought(books: Books) -> None:
    words = ("brand", "paid", "br_2", "3000", "JPY", "--reason", "statement 9", "--id", "br-9")
    assert told(*words, "--dry-run") == "this would be done: brand br_2 has paid 3000 JPY, and 3000 JPY are prepaid\n"
    assert balances(books) == {}
    assert told(*words) == "command 1 (br-9): brand br_2 has paid 3000 JPY, and 3000 JPY are prepaid\n"
    assert balances(books) == {"bank:main": 3000, "brand:br_2:receivable": -3000}
    assert told("traffic", "bought", "douyin", "1.500", "KWD", "--reason", "invoice", "--id", "t") == (
        "command 2 (t): traffic for 1.500 KWD is bought on douyin, 1.500 KWD are prepaid now\n"
    )
    found = "SELECT key, currency, amount_minor FROM account JOIN balance ON id = account_id ORDER BY 1, 2"
    assert books.rows(found) == [
        ("bank:main", "JPY", 3000), ("bank:main", "KWD", -1500), ("brand:br_2:receivable", "JPY", -3000),
        ("traffic:douyin:prepaid", "KWD", 1500),
    ]  # fmt: skip
    check_books()


@pytest.mark.usefixtures("books")
def test_the_same_command_is_carried_out_once_and_another_one_under_its_id_is_refused() -> None:
    words = ("brand", "paid", "br_2", "30.00", "CNY")
    first = given(*words)
    assert first["is_new"] is True
    assert first["command_id"].startswith("brand-paid-20")
    again = given(*words)
    assert again == {**first, "is_new": False}
    said = told(*words, "--reason", "another reason")
    assert said.startswith("this is command 1, which koc_operator_local gave at 20")
    assert said.endswith("nothing was done now; if it happened twice, give the second one an --id of its own\n")
    assert given(*words, "--id", "second")["seq"] == 2
    status, sentence = refused("brand", "paid", "br_2", "30.01", "CNY", "--id", "second")
    assert status == 65
    assert sentence.startswith("the id second belongs to command 2, brand.paid of koc_operator_local at 20")
    check_books()


def test_an_adjustment_is_approved_by_somebody_else_and_posted_once(books: Books, second: str) -> None:
    legs = ("platform:fee=6.30", "koc:k_7:payable=-6.30")
    said = told("adjustment", "propose", "CNY", *legs, "--reason", "goodwill", "--id", "good")
    assert said == "command 1 (good): an entry of 2 legs waits for `koc adjustment approve good` by somebody else\n"
    proposer = settings().database_operator_url
    assert proposer is not None
    assert refused("adjustment", "approve", "good", by=proposer.get_secret_value()) == (
        78, "koc_operator_local proposed good: somebody else must approve it",
    )  # fmt: skip
    assert balances(books) == {}
    assert given("adjustment", "approve", "good")["result"] == {"entries": ["12-1"]}
    assert books.rows("SELECT \"by\" FROM command WHERE id LIKE 'adjustment-posted-%'") == [("koc_approver_local",)]
    assert given("adjustment", "approve", "good", by=second)["is_new"] is False
    status, sentence = refused("adjustment", "approve", "good", "--id", "again", by=second)
    assert (status, sentence.partition(",")[0]) == (65, "good was posted by command 2")
    assert balances(books) == {"platform:fee": 630, "koc:k_7:payable": -630}
    assert books.rows("SELECT account_id IS NOT NULL, amount_minor FROM party_leg") == [(True, -630)]
    assert refused("adjustment", "approve", "none", by=second)[0] == 65
    check_books()


SENSELESS = [
    (("brand", "paid", "br_2", "30", "CNY"),
     "'30' is no amount in CNY: write it with 2 decimals, as 63.00"),
    (("brand", "paid", "br_2", "30.00", "JPY"),
     "'30.00' is no amount in JPY: write it with no decimals, as 6300"),
    (("brand", "paid", "br_2", "0.00", "CNY"),
     "0.00 CNY is no amount: it must not be zero, and at most 1000000000000 minor units"),
    (("brand", "paid", "br_2", "30.00", "XYZ"),
     "'XYZ' is no currency: name it by its ISO 4217 code, such as CNY"),
    (("clawback", "write-off", "k_7", "1.00", "CNY"), "'k_7' names no party: write ROLE:ID, such as koc:k_7"),
    (("clawback", "write-off", "brand:br_2", "1.00", "CNY"),
     "'brand:br_2' names no party: write ROLE:ID, such as koc:k_7"),
    (("adjustment", "propose", "CNY", "bank:main=1.00", "bank:side=-1.00"),
     "'bank:side' is no account: docs/finance.md lists the accounts that there are"),
    (("adjustment", "propose", "CNY", "bank:main=1.00", "platform:fee=-1.01"),
     "the legs add up to -0.01 CNY: they must add up to zero"),
    (("adjustment", "propose", "CNY", "bank:main=1.00"),
     "an adjustment has at least two legs: ACCOUNT=AMOUNT ACCOUNT=-AMOUNT"),
    (("adjustment", "propose", "CNY", "bank:main=-1.00", "koc:k_7:payable=1.00"),
     "koc:k_7:payable would be 1.00 CNY in debit: it holds what we owe"),
    (("settlement", "quarantine", "o_1"),
     "'o_1' names no line: LINE is ORDER/LINE/BUYER, as in `koc explain` and idem_key"),
]  # fmt: skip


@pytest.mark.usefixtures("books")
def test_what_cannot_be_is_one_sentence_and_changes_nothing() -> None:
    for words, sentence in SENSELESS:
        assert refused(*words) == (65, sentence)
    assert json.loads(told("commands", "list", "--json")) == []


def test_a_command_is_refused_while_somebody_holds_run_and_says_who(books: Books, on_stack: Stack, second: str) -> None:
    del on_stack
    with operated_by(second):
        other = engine("operator")
    with other.connect() as holder, run_lock(holder, "settlement.run"):
        done = koc(*PAID, "--reason", "a test")
        assert (done.returncode, done.stdout) == (78, "")
        assert done.stderr.startswith(f"koc: {other.url.username} is at work (koc-cli: settlement.run since 20")
        assert done.stderr.endswith("Z): wait for it to end\n")
        given("settlement", "quarantine", "o_1/1/b_1")
    given(*PAID)
    assert books.rows("SELECT kind FROM command ORDER BY seq") == [("line.quarantined",), ("brand.paid",)]


@pytest.mark.usefixtures("books")
def test_run_is_free_again_when_its_holder_is_cut_off() -> None:
    with psycopg.connect(psycopg_dsn("operator"), autocommit=True) as holder:
        holder.execute(RUN_HELD)
        assert refused(*PAID)[0] == 78
    given(*PAID)


INSERT = """
INSERT INTO command (seq, id, kind, "by", reason, body, result, at, prev_hash, hash)
VALUES ({seq}, 'x', 'brand.paid', {by}, 'r', '{{}}', '{{}}', {at}, decode(repeat('00', 32), 'hex'), '\\x00')
"""


@contextmanager
def as_role(role: str, address: str = "") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(address or psycopg_dsn(role)) as connection:  # type: ignore[arg-type]
        yield connection
        connection.rollback()


FORBIDDEN = [
    ("writer", INSERT.format(seq=1, by="session_user", at="now()"), "permission denied for table command"),
    ("reader", INSERT.format(seq=1, by="session_user", at="now()"), "permission denied for table command"),
    ("owner", INSERT.format(seq=1, by="session_user", at="now()"), "koc_owner is no personal login"),
    ("operator", INSERT.format(seq=1, by="'ann'", at="now()"), "a command of ann cannot be recorded by"),
    ("operator", INSERT.format(seq=2, by="session_user", at="now()"), "command 2 does not follow command 0"),
    ("operator", INSERT.format(seq=1, by="session_user", at="'2026-01-01Z'"), "at the time of its transaction"),
    ("operator", "UPDATE command SET reason = 'x'", "permission denied for table command"),
    ("operator", "DELETE FROM command", "permission denied for table command"),
    ("operator", "TRUNCATE command", "permission denied for table command"),
    ("owner", "UPDATE command SET reason = 'x'", "commands are immutable: UPDATE refused"),
    ("owner", "DELETE FROM command", "commands are immutable: DELETE refused"),
    ("owner", "TRUNCATE command", "commands are immutable: TRUNCATE refused"),
    ("operator", "UPDATE journal SET cause = 'x'", "permission denied for table journal"),
    ("operator", "DELETE FROM line", "permission denied for table line"),
    ("reader", "UPDATE command_relay SET seq = 1", "permission denied for table command_relay"),
    ("reader", "UPDATE line SET quarantined = 'x'", "permission denied for table line"),
]  # fmt: skip


@pytest.mark.usefixtures("books")
def test_a_role_may_not_do_what_is_not_its_business() -> None:
    for role, statement, words in FORBIDDEN:
        with as_role(role) as connection, pytest.raises(psycopg.Error, match=words):
            connection.execute(statement)


def test_the_payer_reads_payees_alone_and_somebody_without_a_group_may_not_command(
    books: Books, on_stack: Stack
) -> None:
    tables = [name for (name,) in books.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                                             "AND relkind IN ('r', 'v')")]  # fmt: skip
    assert {"command", "journal", "line", "party_leg"} <= set(tables)
    with login(on_stack, "koc_payer") as (_, address):
        raw = address.replace("postgresql+psycopg://", "postgresql://")
        with as_role("payer", raw) as connection:
            connection.execute("SELECT FROM payee")
        for table in set(tables) - {"payee"}:
            with as_role("payer", raw) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT FROM {table}")
        status, sentence = refused("brand", "paid", "br_2", "30.00", "CNY", by=address)
        assert status == 78
        assert "permission denied" in sentence
        with operated_by(address), pytest.raises(StartRefused) as problem:
            check_person("operator", "koc_operator")
        assert "is not in the role koc_operator: as a superuser, GRANT koc_operator TO person_" in str(problem.value)


@pytest.mark.usefixtures("books")
def test_without_an_operators_address_a_command_says_which_variable_to_set(tmp_path: Path) -> None:
    with with_environment({"KOC_DATABASE_OPERATOR_URL": None, "KOC_LOCAL_DIR": str(tmp_path)}):
        status, sentence = refused(*PAID)
    assert status == 78
    assert sentence.startswith("no database address for the role koc_operator: set KOC_DATABASE_OPERATOR_URL, or")


def test_commands_are_listed_and_shown(books: Books) -> None:
    del books
    given("brand", "paid", "br_2", "30.00", "CNY", "--id", "one")
    given("traffic", "bought", "douyin", "1.00", "CNY", "--id", "two")
    listed = json.loads(told("commands", "list", "--json", "--kind", "traffic.bought"))
    assert [(one["seq"], one["command_id"], one["by"], one["reason"]) for one in listed] == [
        (2, "two", "koc_operator_local", "a test"),
    ]  # fmt: skip
    shown = json.loads(told("commands", "show", "two", "--json"))
    assert shown == listed[0] == json.loads(told("commands", "show", "2", "--json"))
    assert shown["body"] == {"platform": "douyin", "amount_minor": 100, "currency": "CNY"}
    assert shown["point"]["commands"] == 1
    assert shown["point"]["seqs"] == [0] * 12 + [1]
    assert told("commands", "list", "--limit", "1").endswith("2 commands, 1 of them not shown: --limit shows more\n")
    assert told("commands", "show", "one").startswith("seq         1\ncommand_id  one\nkind        brand.paid\n")
    assert status_of("commands", "show", "none") == 1
    assert status_of("commands", "list", "--kind", "brand.payed") == 2


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("UPDATE command SET reason = 'other' WHERE seq = 2", "command chain"),
        ("DELETE FROM command WHERE seq = 1", "command seq"),
        ("DELETE FROM command WHERE seq = 3", "command"),
    ],
)  # fmt: skip
def test_verify_finds_a_changed_a_lost_and_a_missing_command(books: Books, damage: str, check: str) -> None:
    for number in range(3):
        given("brand", "paid", "br_2", f"{number + 1}.00", "CNY")
    check_books()
    books.grant("ALTER TABLE command DISABLE TRIGGER command_is_immutable")
    books.plant(damage)
    with snapshot(engine("reader")) as unchanging:
        found = {one.check for one in verify(unchanging).differences}
    assert check in found


def test_open_clawbacks_are_listed_by_age_with_credits_on_the_oldest_debt(books: Books, second: str) -> None:
    owe(second)
    owe(second, ("clawback:mcn:m_1=300", "brand:br_2:receivable=-300"), "JPY", "of-an-agency")
    given("clawback", "repaid", "koc:k_7", "2.30", "CNY")
    books.plant("UPDATE party_leg SET effective_at = now() - interval '45 days' WHERE amount_minor = 630")
    first, other = json.loads(told("ledger", "clawbacks", "--json"))
    assert (first["party"], first["currency"], first["owed_minor"]) == ("koc:k_7", "CNY", 400)
    assert first["ages"] == {"0": 0, "30": 400, "60": 0, "90": 0}
    assert (other["party"], other["currency"], other["owed_minor"]) == ("mcn:m_1", "JPY", 300)
    assert other["ages"] == {"0": 300, "30": 0, "60": 0, "90": 0}
    shown = told("ledger", "clawbacks").splitlines()
    assert shown[1].split() == ["koc:k_7", "CNY", "4.00", "0.00", "4.00", "0.00", "0.00"]
