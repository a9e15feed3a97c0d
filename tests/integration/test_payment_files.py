"""Payee data in, payment files out, replies in, on a real database with the logins that people have."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lxml import etree
from typer.testing import CliRunner

from services.cli.main import koc
from services.kernel.errors import InputRefused, StartRefused
from services.runtime.database import psycopg_dsn
from services.runtime.settings import settings
from services.settlement.books.payee_rows import add_payees, payer_engine
from services.settlement.domain.remittance.forms import file_reference
from services.settlement.payment_files.payee_file import read_payees
from tests.kit.books import Books
from tests.kit.commands import status_of, told
from tests.kit.parties_due import PartyDue, approve_batch, instruct, propose_for
from tests.kit.stacks import with_environment
from tests.kit.waiting import until

PAYEES = """ref,rail,name,account,bank
ref_k_7,bank,李娜,DE89370400440532013000,COBADEFFXXX
ref_k_8,bank,=cmd|' /C calc'!A0,6222020200112233445,CNAPS:102100099996
ref_k_9,wechat,王伟,o-MYE42l80oelYMDE34nYD456Xoy,
ref_m_1,alipay,"Ana, Souza",ana@example.com,
"""
PRIVATE = ("李娜", "DE89370400440532013000", "6222020200112233445", "王伟", "o-MYE42l80oelYMDE34nYD456Xoy", "Souza",
           "ana@example.com", "calc")  # fmt: skip
FOUR = (
    PartyDue(),
    PartyDue("koc:k_8", 1_000, "bank", "ref_k_8"),
    PartyDue("koc:k_9", 720, "wechat", "ref_k_9"),
    PartyDue("mcn:m_1", 360, "alipay", "ref_m_1"),
)


@pytest.fixture
def payee_file(tmp_path: Path) -> Path:
    file = tmp_path / "payees.csv"
    file.write_text(PAYEES)
    return file


@pytest.fixture
def payees(books: Books, payee_file: Path) -> None:
    del books
    told("payee", "import", str(payee_file))


def refusal(*words: str) -> tuple[int, str]:
    """Status and sentence of a `koc …` that is refused; it prints nothing."""
    done = CliRunner().invoke(koc, list(words))
    assert done.stdout == ""
    assert isinstance(done.exception, InputRefused | StartRefused), repr(done.exception)
    return done.exception.exit_code, str(done.exception)


def export(folder: Path, batch: str = "p1", *words: str) -> dict[str, Any]:
    return dict(json.loads(told("payout", "export", batch, "--output", str(folder), "--json", *words)))


def reply(folder: Path, text: str, name: str = "reply.csv") -> dict[str, Any]:
    file = folder / name
    file.write_text(text)
    done = CliRunner().invoke(koc, ["payout", "reply", str(file), "--json"])
    assert done.exit_code in (0, 1), f"{done.exception!r}"
    said = dict(json.loads(done.stdout))
    assert (done.exit_code == 1) == bool(said["findings"])
    return said


def balances(books: Books) -> dict[str, int]:
    found = "SELECT key, amount_minor FROM account JOIN balance ON id = account_id WHERE amount_minor <> 0"
    return dict(books.rows(found))


def statuses(books: Books) -> dict[str, tuple[str, bool]]:
    return {name: (status, refused) for name, status, refused in books.rows("SELECT id, status, refused FROM payout")}


# Payees


def test_a_payee_file_is_imported_once_and_shows_refs_alone(books: Books, payee_file: Path) -> None:
    assert told("payee", "import", str(payee_file), "--dry-run") == "4 payees would be added, 0 known before\n"
    assert books.rows("SELECT * FROM payee") == []
    assert told("payee", "import", str(payee_file)) == "4 payees added, 0 known before\n"
    assert json.loads(told("payee", "import", str(payee_file), "--json")) == {
        "added": 0, "known": 4, "dry_run": False,
    }  # fmt: skip
    assert books.rows("SELECT ref, name, imported_by FROM payee WHERE rail = 'wechat'") == [
        ("ref_k_9", "王伟", "koc_payer_local")
    ]
    assert told("payee", "list").splitlines()[0] == "bank      ref_k_7"
    assert json.loads(told("payee", "list", "--json"))[3] == {"ref": "ref_m_1", "rail": "alipay"}


@pytest.mark.usefixtures("payees")
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_another_row_under_a_known_ref_is_refused_and_nothing_of_its_file_is_taken(
    books: Books, payee_file: Path, dry: tuple[str, ...]
) -> None:
    payee_file.write_text("ref,rail,name,account,bank\nnew,wechat,New,o-abcdefgh,\nref_k_9,wechat,王伟,o-other00,\n")
    status, sentence = refusal("payee", "import", str(payee_file), *dry)
    assert status == 65
    assert sentence.startswith("the ref ref_k_9 is known with other data: a row never changes")
    assert books.rows("SELECT count(*) FROM payee") == [(4,)]


def test_two_imports_at_once_agree_on_one_row_for_each_ref(books: Books, payee_file: Path, tmp_path: Path) -> None:
    """The second waits for the first, and then sees what it has added."""
    other = tmp_path / "other.csv"
    other.write_text("ref,rail,name,account,bank\naaa,wechat,New,o-abcdefgh,\nref_k_9,wechat,Other,o-other00,\n")
    payees = read_payees(payee_file.read_bytes())
    with payer_engine() as payer, ThreadPoolExecutor(1) as pool:
        with payer.begin() as connection:
            add_payees(connection, payees)
            second = pool.submit(refusal, "payee", "import", str(other))
            until(lambda: books.rows("SELECT FROM pg_locks WHERE NOT granted"), "the second import waits")
        assert second.result()[1].startswith("the ref ref_k_9 is known with other data")
    assert books.rows("SELECT count(*) FROM payee") == [(4,)]


# Export


@pytest.mark.usefixtures("payees")
def test_each_payout_takes_the_form_of_its_rail_and_the_bytes_are_the_same_again(books: Books, tmp_path: Path) -> None:
    ids = instruct(books, "p1", *FOUR)
    first = export(tmp_path / "one")
    assert [(file["name"], file["payouts"], file["amount_minor"]) for file in first["files"]] == [
        ("p1-alipay-CNY-1.csv", 1, 360), ("p1-pain.001-CNY-1.xml", 2, 3520), ("p1-wechat-CNY-1.json", 1, 720),
    ]  # fmt: skip
    bodies = {file["name"]: (tmp_path / "one" / file["name"]).read_bytes() for file in first["files"]}
    assert {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()} == {
        file["name"]: file["sha256"] for file in first["files"]
    }
    again = export(tmp_path / "two")
    assert (again["is_new"], again["seq"]) == (False, first["seq"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()} == bodies
    assert books.rows("SELECT count(*), sum(amount_minor), sum(payouts) FROM payout_file") == [(3, 4600, 4)]
    root = etree.fromstring(bodies["p1-pain.001-CNY-1.xml"])
    assert {element.text for element in root.iter("{*}EndToEndId")} == set(ids[:2])
    assert (tmp_path / "one" / "p1-pain.001-CNY-1.xml").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("payees")
def test_another_form_of_the_same_payouts_is_one_more_file_under_the_same_ids(books: Books, tmp_path: Path) -> None:
    ids = instruct(books, "p1", *FOUR)
    export(tmp_path)
    csv = export(tmp_path, "p1", "--form", "csv")
    assert [file["name"] for file in csv["files"]] == ["p1-csv-CNY-1.csv"]
    lines = (tmp_path / "p1-csv-CNY-1.csv").read_text().splitlines()
    assert {line[:26] for line in lines[1:]} == set(ids[:2])
    assert any(",'=cmd|" in line for line in lines)
    assert export(tmp_path, "p1", "--form", "wechat")["is_new"] is True
    assert books.rows("SELECT form, count(*) FROM payout_file GROUP BY 1 ORDER BY 1") == [
        ("alipay", 1), ("csv", 1), ("pain.001", 1), ("wechat", 1),
    ]  # fmt: skip
    assert status_of("payout", "export", "p1", "--form", "paper") == 2


@pytest.mark.usefixtures("payees")
def test_a_file_that_would_differ_from_the_sealed_one_is_not_written(books: Books, tmp_path: Path) -> None:
    instruct(books, "p1", *FOUR)
    export(tmp_path / "one")
    with with_environment({"KOC_PAYER_NAME": "Somebody else"}):
        status, sentence = refusal("payout", "export", "p1", "--output", str(tmp_path / "two"))
    assert status == 78
    assert sentence.startswith("p1-pain.001-CNY-1.xml was exported before and would differ now")
    assert not (tmp_path / "two").exists()


@pytest.mark.usefixtures("payees")
def test_what_cannot_be_exported_is_named_and_nothing_is(books: Books, tmp_path: Path) -> None:
    def sentence_of(batch: str, *words: str) -> str:
        status, sentence = refusal("payout", "export", batch, "--output", str(tmp_path / "out"), *words)
        assert status == 65
        return sentence

    assert sentence_of("p0") == "there is no batch p0: `koc payout list` lists them"
    propose_for(books, "p1", FOUR)
    assert sentence_of("p1") == "p1 is proposed: only an approved batch is exported"
    unknown = PartyDue("koc:k_1", 100, "bank", "ref_unknown"), PartyDue("koc:k_2", 100, "bank", "ref_none")
    instruct(books, "p2", *FOUR[:1], *unknown)
    assert sentence_of("p2").startswith("nothing was exported, for the payee file has no row of ref_none, ref_unknown:")
    (dollars,) = instruct(books, "p3", PartyDue("koc:k_9", 100, "wechat", "ref_k_9", "USD"))
    assert sentence_of("p3").startswith(f"nothing was exported, for {dollars}: wechat pays CNY only, not USD: cancel")
    (shells,) = instruct(books, "p4", PartyDue("koc:k_9", 100, "shells", "ref_k_9"))
    assert sentence_of("p4").startswith(f"nothing was exported, for {shells}: no file form pays by shells: cancel")
    assert sentence_of("p4", "--form", "csv") == "p4 has no payout for a file of the form csv"
    instruct(books, "p5", PartyDue("koc:k_9", 100, "bank", "ref_k_9"))
    assert "for payees are of another rail: ref_k_9 (wechat, wanted by bank)" in sentence_of("p5")
    assert books.rows("SELECT * FROM payout_file") == []
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("payees")
def test_production_refuses_to_name_a_payer_that_nobody_set(books: Books, tmp_path: Path) -> None:
    instruct(books, "p1", *FOUR)
    with with_environment({"KOC_ENVIRONMENT": "production", "KOC_PAYER_NAME": "KOC Ltd"}):
        status, sentence = refusal("payout", "export", "p1", "--output", str(tmp_path))
    unset = "KOC_PAYER_ACCOUNT, KOC_PAYER_BANK, KOC_PAYER_WECHAT_APPID, KOC_PAYER_ALIPAY_ACCOUNT"
    said = f"nothing was exported: the files say who pays, so set {unset}, and start this process again"
    assert (status, sentence) == (78, said)


# Replies


def test_a_reply_books_each_outcome_once(books: Books, tmp_path: Path) -> None:
    one, two, three, four = instruct(books, "p1", *FOUR)
    text = (
        "payout,outcome,amount,currency,bank_ref,fee\n"
        f"{one},confirmed,25.20,CNY,B-1,0.50\n{two},rejected,10.00,CNY,B-2,\n{three},confirmed,,,,\n"
    )
    said = reply(tmp_path, text)
    assert (said["booked"], said["findings"], said["is_new"]) == (3, [], True)
    assert balances(books) == {
        "brand:br_2:receivable": 4600, "bank:main": -2520 - 50 - 720, "platform:payout_fee": 50, "koc:k_8:held": -1000,
        "payout:alipay:in_transit": -360,
    }  # fmt: skip
    assert statuses(books) == {
        one: ("confirmed", False), two: ("rejected", True), three: ("confirmed", False), four: ("instructed", False),
    }  # fmt: skip
    again = reply(tmp_path, text)
    assert again == said | {"is_new": False}
    # later: what was confirmed comes back, and nothing else counts
    later = reply(
        tmp_path, f"payout,outcome\n{one},returned\n{two},confirmed\n{three},confirmed\n{four},returned\nx,confirmed\n"
    )
    assert later["booked"] == 1
    assert {finding["payout"] for finding in later["findings"]} == {two, three, four, "x"}
    assert balances(books) == {
        "brand:br_2:receivable": 4600, "bank:main": -50 - 720, "platform:payout_fee": 50, "koc:k_8:held": -1000,
        "koc:k_7:held": -2520, "payout:alipay:in_transit": -360,
    }  # fmt: skip
    assert books.rows("SELECT refused_at FROM payout WHERE refused") == [(books.registry_offset,)] * 2
    assert books.rows(
        "SELECT row, payout, outcome, finding IS NULL FROM payout_reply WHERE command = 'x' OR row > 4"
    ) == [(5, "x", "confirmed", False)]
    keys = books.rows("SELECT idem_key, cause FROM journal WHERE kind > 25 ORDER BY seq")
    assert keys[0] == (f"payout|{one}|confirmed", f"payout {one}: confirmed")
    assert keys[-1] == (f"payout|{one}|returned", f"payout {one}: returned")


PAIN_002 = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt>
<OrgnlGrpInfAndSts><OrgnlMsgId>{reference}</OrgnlMsgId><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts>{transactions}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
TRANSACTION = "<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{status}</TxSts></TxInfAndSts>"


@pytest.mark.usefixtures("payees")
def test_a_bank_that_rejects_a_whole_file_rejects_the_payouts_of_that_file(books: Books, tmp_path: Path) -> None:
    one, two, *others = instruct(books, "p1", *FOUR)
    reference = file_reference("p1", "pain.001", "CNY", 1)
    whole = PAIN_002.format(reference=reference, transactions="")
    file = tmp_path / "status.xml"
    file.write_text(whole)
    assert refusal("payout", "reply", str(file)) == (
        65, "line 2: the bank speaks of a file that we have not exported: nothing was booked",
    )  # fmt: skip
    export(tmp_path / "out")
    settled = TRANSACTION.format(name=one, status="ACSC")
    said = reply(tmp_path, PAIN_002.format(reference=reference, transactions=settled), "status.xml")
    assert (said["booked"], said["findings"], said["form"]) == (2, [], "pain.002")
    ends = {one: ("confirmed", False), two: ("rejected", True)} | dict.fromkeys(others, ("instructed", False))
    assert statuses(books) == ends
    again = reply(tmp_path, whole, "status.xml")
    assert {finding["payout"]: finding["text"] for finding in again["findings"]} == {
        one: "it was confirmed before, so it cannot be rejected: ask the bank", two: "it was rejected before",
    }  # fmt: skip
    assert statuses(books) == ends


def test_a_broken_reply_changes_nothing_and_says_which_line(books: Books, tmp_path: Path) -> None:
    (one,) = instruct(books, "p1")
    file = tmp_path / "reply.csv"
    file.write_text(f"payout,outcome,amount,currency\n{one},confirmed,25.20,CNY\n{one},paid,25.20,CNY\n")
    assert refusal("payout", "reply", str(file)) == (
        65, "reply.csv, line 3: the outcome must be confirmed, rejected, returned: nothing was booked",
    )  # fmt: skip
    assert books.rows("SELECT * FROM payout_reply") == []
    assert statuses(books) == {one: ("instructed", False)}


# Who may do what


@pytest.mark.usefixtures("payees")
@pytest.mark.parametrize("role", ["reader", "writer", "operator"])
@pytest.mark.parametrize(
    "statement",
    ["SELECT ref FROM payee", "SELECT count(*) FROM payee", "INSERT INTO payee (ref) VALUES ('x')", "DELETE FROM payee",
     "COPY payee TO STDOUT", "SELECT imported_by FROM payee FOR SHARE"],
)  # fmt: skip
def test_nobody_but_the_payer_reaches_payees(role: Any, statement: str) -> None:
    with psycopg.connect(psycopg_dsn(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.usefixtures("payees")
@pytest.mark.parametrize(
    "statement",
    ["UPDATE payee SET name = 'x'", "DELETE FROM payee", "TRUNCATE payee", "DELETE FROM payout",
     "DELETE FROM payout_file", "UPDATE payout_file SET sha256 = ''", "UPDATE payout_reply SET finding = null",
     "UPDATE journal SET cause = ''", "DELETE FROM command", "ALTER TABLE payee ADD x int", "SET ROLE koc_owner"],
)  # fmt: skip
def test_the_payer_may_not_change_what_was_imported_or_decided(statement: str) -> None:
    with psycopg.connect(psycopg_dsn("payer")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.usefixtures("payees")
def test_an_operator_without_the_payers_right_exports_nothing(books: Books, tmp_path: Path) -> None:
    instruct(books, "p1", *FOUR)
    operator = settings().database_operator_url
    assert operator is not None
    with with_environment({"KOC_DATABASE_PAYER_URL": operator.get_secret_value()}):
        status, sentence = refusal("payout", "export", "p1", "--output", str(tmp_path / "out"))
        assert (status, "permission denied for table payee" in sentence) == (78, True)
        assert refusal("payee", "list")[0] == 78
    assert not (tmp_path / "out").exists()


def test_the_payer_may_not_approve_what_it_proposed(books: Books) -> None:
    payer = settings().database_payer_url
    assert payer is not None
    address = payer.get_secret_value()
    with with_environment({"KOC_DATABASE_OPERATOR_URL": address, "KOC_DATABASE_APPROVER_URL": address}):
        propose_for(books, "p1", FOUR)
        with pytest.raises(StartRefused, match="koc_payer_local proposed p1: somebody else must approve it"):
            approve_batch("p1")
    assert books.rows("SELECT status FROM payout_batch") == [("proposed",)]
