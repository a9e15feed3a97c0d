"""Names and account numbers stay in the payee table and in payment files: in no output, log, error, table or topic."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.settlement.books.payee_rows import payer_engine
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.payouts_by_hand import HandPayout, instruct_by_hand

NAMES = {
    "bank": ("Secretina Confidential", "DE89370400440532013000", "COBADEFFXXX"),
    "wechat": ("绝密姓名", "o-SecretOpenId000000000000000", ""),
    "alipay": ("Hush Hushovitch", "hush@example.com", ""),
}
PRIVATE = tuple(word for name, account, bank in NAMES.values() for word in (name, account, bank) if word)
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'payee'"


def payee_file(folder: Path, *changes: tuple[str, str]) -> str:
    lines = "ref,rail,name,account,bank\n"
    for rail, (name, account, bank) in NAMES.items():
        lines += f"ref_{rail},{rail},{name},{account},{bank}\n"
    for old, new in changes:
        lines = lines.replace(old, new)
    file = folder / "payees.csv"
    file.write_text(lines)
    return str(file)


def said(done: subprocess.CompletedProcess[str], status: int) -> str:
    """All that a command says, which has ended as it should."""
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def words(books: Books, tmp_path: Path) -> list[str]:
    """What every command says on the way from the payee file to a reply, and where it goes wrong."""
    output = str(tmp_path / "out")
    good = payee_file(tmp_path)
    all_said = [said(koc("payee", "import", good, *more), 0) for more in (("--dry-run",), ("--json",), ())]
    all_said += [said(koc("payee", "list", *more), 0) for more in ((), ("--json",))]
    for change in (("Confidential", "Else"), ("13000", "13001"), ("COBADEFFXXX", "none"), ("ref_wechat", "ref_alipay")):
        all_said.append(said(koc("payee", "import", payee_file(tmp_path, change)), 65))
    books.grant("ALTER TABLE payee ADD CONSTRAINT nobody CHECK (ref !~ 'new')")
    all_said.append(said(koc("payee", "import", payee_file(tmp_path, ("ref_", "new_"))), 65))
    books.grant("ALTER TABLE payee DROP CONSTRAINT nobody, ALTER ref TYPE varchar(10)")
    all_said.append(said(koc("payee", "import", payee_file(tmp_path, ("ref_", "wide_"))), 65))
    ids = instruct_by_hand("p1", *(HandPayout(f"koc:{rail}", 100, rail, f"ref_{rail}") for rail in NAMES))
    all_said += [said(koc("payout", "export", "p1", "--output", output, *more), 0) for more in ((), ("--json",))]
    all_said.append(said(koc("payout", "export", "p1", "--output", output, KOC_PAYER_NAME="Other"), 78))
    books.grant("REVOKE SELECT ON payee FROM koc_payer")
    all_said.append(said(koc("payout", "export", "p1", "--output", output), 78))
    reply = tmp_path / "reply.csv"
    reply.write_text(f"payout,outcome\n{ids[0]},confirmed\nunknown,confirmed\n")
    all_said.append(said(koc("payout", "reply", str(reply), "--json"), 1))
    all_said.append(said(koc("commands", "list", "--json"), 0))
    return all_said


def test_no_command_and_no_other_table_says_a_name_or_a_number(books: Books, words: list[str], tmp_path: Path) -> None:
    assert len(words) > 15
    assert [word for word in PRIVATE for one in words if word in one] == []
    tables = [table for (table,) in books.rows(TABLES)]
    assert {"command", "journal", "payout", "payout_file", "payout_reply"} <= set(tables)
    for table in tables:
        rows = "\n".join(row for (row,) in books.rows(f"SELECT one::text FROM {table} AS one"))
        assert [word for word in PRIVATE if word in rows] == [], table
    files = "".join(file.read_text() for file in (tmp_path / "out").iterdir())
    assert all(word in files for word in PRIVATE), "else the test would look for nothing"


@pytest.mark.usefixtures("books")
def test_an_error_of_the_payers_connection_does_not_repeat_what_was_sent() -> None:
    with payer_engine() as payer, payer.connect() as connection, pytest.raises(DBAPIError) as failed:
        connection.execute(text("SELECT 1 / 0 WHERE :name <> :other"), {"name": PRIVATE[0], "other": ""})
    assert "division by zero" in str(failed.value)
    assert PRIVATE[0] not in str(failed.value)
