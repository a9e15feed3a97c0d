"""Names and account numbers stay in the payee table and in payment files: in no output, log, error, table or topic."""

import traceback
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from services.cli.main import koc
from services.settlement.books.payee_rows import payer_engine
from tests.kit.books import Books
from tests.kit.parties_due import PartyDue, instruct
from tests.kit.stacks import with_environment

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


def said(status: int, *words: str) -> str:
    """All that `koc …` says, which ends as it should: what it prints, and the traceback of what it raises."""
    done = CliRunner().invoke(koc, list(words))
    problem = done.exception
    assert getattr(problem, "exit_code", done.exit_code) == status, f"{words}: {done.output}\n{problem!r}"
    return done.output + "".join(traceback.format_exception(problem) if problem else ())


@pytest.fixture
def words(books: Books, tmp_path: Path) -> list[str]:
    """What every command says on the way from the payee file to a reply, and where it goes wrong."""
    export = ("payout", "export", "p1", "--output", str(tmp_path / "out"))
    good = payee_file(tmp_path)
    heard = [said(0, "payee", "import", good, *more) for more in (("--dry-run",), ("--json",), ())]
    heard += [said(0, "payee", "list", *more) for more in ((), ("--json",))]
    for change in (("Confidential", "Else"), ("13000", "13001"), ("COBADEFFXXX", "none"), ("ref_wechat", "ref_alipay")):
        heard.append(said(65, "payee", "import", payee_file(tmp_path, change)))
    books.grant("ALTER TABLE payee ADD CONSTRAINT nobody CHECK (ref !~ 'new')")
    heard.append(said(65, "payee", "import", payee_file(tmp_path, ("ref_", "new_"))))
    books.grant("ALTER TABLE payee DROP CONSTRAINT nobody, ALTER ref TYPE varchar(10)")
    heard.append(said(65, "payee", "import", payee_file(tmp_path, ("ref_", "wide_"))))
    ids = instruct(books, "p1", *(PartyDue(f"koc:{rail}", 100, rail, f"ref_{rail}") for rail in NAMES))
    heard += [said(0, *export, *more) for more in ((), ("--json",))]
    with with_environment({"KOC_PAYER_NAME": "Other"}):
        heard.append(said(78, *export))
    books.grant("REVOKE SELECT ON payee FROM koc_payer")
    heard.append(said(78, *export))
    reply = tmp_path / "reply.csv"
    reply.write_text(f"payout,outcome\n{ids[0]},confirmed\nunknown,confirmed\n")
    heard.append(said(1, "payout", "reply", str(reply), "--json"))
    heard.append(said(0, "commands", "list", "--json"))
    return heard


def test_no_command_and_no_other_table_says_a_name_or_a_number(books: Books, words: list[str], tmp_path: Path) -> None:
    assert len(words) > 15
    assert [(word, one) for word in PRIVATE for one in words if word in one] == []
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
