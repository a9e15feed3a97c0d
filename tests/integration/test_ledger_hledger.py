"""A bookkeeping program that is not ours accepts the ledger, and its balances are ours."""

import csv
import json
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.ledger import app
from services.settlement.domain.book.currencies import decimal_text
from tests.kit.books import Books
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import FactCredit
from tests.kit.without import installed


@pytest.fixture
def journal(books: Books, tmp_path: Path) -> Path:
    """The export of a book with all that can happen, and with identifiers that mean something to hledger."""
    fill(books)
    odd = [FactCredit(koc_id=name) for name in ("a:b", "::", "=1+1", "~x", "@2", "k.=~+@:-", "-")]
    lines = [
        order(70 + index, order_id=f"{credit.koc_id}{index}", credits=(credit,)) for index, credit in enumerate(odd)
    ]
    books.assert_lines(*lines, partition=4)
    file = tmp_path / "books.journal"
    done = CliRunner().invoke(app, ["export", "--format", "hledger", "--output", str(file)])
    assert done.exit_code == 0, done.output
    return file


def hledger(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([installed("hledger"), *words], capture_output=True, text=True)


def test_hledger_accepts_the_ledger_strictly(journal: Path) -> None:
    done = hledger("-f", str(journal), "check", "--strict")
    assert done.returncode == 0, done.stderr


def test_hledgers_balances_are_ours(journal: Path) -> None:
    done = hledger("-f", str(journal), "balance", "--flat", "--no-total", "--output-format", "csv", "--layout", "bare")
    assert done.returncode == 0, done.stderr
    theirs = {
        (row["account"], row["commodity"]): Decimal(row["balance"]) for row in csv.DictReader(done.stdout.splitlines())
    }
    listed = json.loads(CliRunner().invoke(app, ["balances", "--json"]).stdout)
    ours = {
        (one["account"], one["currency"]): Decimal(decimal_text(one["amount_minor"], one["currency"])) for one in listed
    }
    assert {name: amount for name, amount in theirs.items() if amount} == ours


def test_hledger_reads_the_accounts_as_what_they_are(journal: Path) -> None:
    done = hledger("-f", str(journal), "accounts", "type:L")
    assert done.returncode == 0, done.stderr
    assert "platform:fee_deferred" in done.stdout
    assert "accrued" not in done.stdout


def test_hledger_would_notice_an_entry_that_does_not_add_up(journal: Path) -> None:
    text = journal.read_text()
    journal.write_text(text.replace("1 CNY", "2 CNY", 1))
    assert journal.read_text() != text
    assert hledger("-f", str(journal), "check", "--strict").returncode != 0
