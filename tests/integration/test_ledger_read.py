"""`koc ledger balances`, `digest` and `export` on a real book: what they print is what the journal adds up to."""

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.ledger import LedgerEntry
from services.cli.ledger import app
from tests.kit.books import Books
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION
from tests.kit.settlement_book import fill
from tests.kit.settlement_facts import Fact

KOC = str(Path(sys.executable).with_name("koc"))


def koc(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def by_journal(books: Books) -> Counter[tuple[str, str]]:
    """(account, currency) -> amount, added up here."""
    names = {number: (key, currency) for number, key, currency in books.rows("SELECT id, key, currency FROM account")}
    sums: Counter[tuple[str, str]] = Counter()
    for accounts, amounts in books.rows("SELECT accounts, amounts FROM journal"):
        for account, amount in zip(accounts, amounts, strict=True):
            sums[names[account]] += amount
    return Counter({name: amount for name, amount in sums.items() if amount})


def test_balances_are_the_sums_of_the_journal_without_zeros_and_sorted(books: Books) -> None:
    fill(books)
    listed = json.loads(koc("balances", "--json"))
    assert {(one["account"], one["currency"]): one["amount_minor"] for one in listed} == by_journal(books)
    assert {frozenset(one) for one in listed} == {frozenset({"account", "currency", "amount_minor"})}
    names = [(one["account"], one["currency"]) for one in listed]
    assert names == sorted(names)
    for currency in ("CNY", "JPY", "KWD"):
        assert sum(one["amount_minor"] for one in listed if one["currency"] == currency) == 0


def test_balances_of_a_prefix_are_shown_in_the_currencys_decimals(books: Books) -> None:
    books.register(PLAN | {"currency": None}, RELATION)
    books.assert_lines(Fact(), Fact(order_id="o_2", currency="JPY"), Fact(order_id="o_3", currency="KWD"))
    shown = [line.split() for line in koc("balances", "--account", "koc:k_7:").splitlines()[1:]]
    assert shown == [["koc:k_7:pending", "CNY", "-25.20"], ["koc:k_7:pending", "JPY", "-2520"],
                     ["koc:k_7:pending", "KWD", "-2.520"]]  # fmt: skip


BY_HAND = """\
o_1|1|brand:br_2:accrued|CNY|3000
o_1|1|koc:k_7:pending|CNY|-1890
o_1|1|mcn:m_1:pending|CNY|-540
o_1|1|platform:fee_deferred|CNY|-300
o_1|1|recruiter:r_1:pending|CNY|-270
o_2|1|brand:br_2:accrued|CNY|4000
o_2|1|koc:k_7:pending|CNY|-2520
o_2|1|mcn:m_1:pending|CNY|-720
o_2|1|platform:fee_deferred|CNY|-400
o_2|1|recruiter:r_1:pending|CNY|-360
"""


def test_the_digest_is_that_of_the_documented_lines_whatever_the_history(books: Books) -> None:
    covered = BY_HAND.encode()
    paid, other = Fact(), Fact(order_id="o_2")
    books.assert_lines(other, partition=7)
    books.register(PLAN)
    books.assert_lines(paid)
    assert koc("digest").split()[0] != hashlib.sha256(covered).hexdigest()
    books.register(RELATION)
    books.assert_lines(paid.refunded(5_000))
    result = json.loads(koc("digest", "--json"))
    assert result == {"sha256": hashlib.sha256(covered).hexdigest(), "positions": 10}
    assert koc("digest").split()[0] == result["sha256"]


def test_the_digest_covers_what_belongs_to_no_order_line(books: Books) -> None:
    books.register(PLAN, RELATION, CONTENT, ACCEPTED)
    covered = b"||brand:br_2:accrued|CNY|30000\n||koc:k_7:pending|CNY|-30000\n"
    assert koc("digest").split()[0] == hashlib.sha256(covered).hexdigest()


def test_json_is_the_topics_message_and_comes_by_writer_and_number(books: Books) -> None:
    fill(books)
    lines = koc("export", "--format", "json").splitlines()
    entries = [LedgerEntry.model_validate_json(line, strict=True) for line in lines]
    stored = books.rows("SELECT writer, seq, encode(chain, 'hex') FROM journal ORDER BY writer, seq")
    assert [(entry.writer, entry.seq, entry.hash) for entry in entries] == stored


def test_csv_has_a_row_a_leg_and_adds_up(books: Books, tmp_path: Path) -> None:
    fill(books)
    file = tmp_path / "ledger.csv"
    assert koc("export", "--format", "csv", "--output", str(file)) == ""
    sums: Counter[tuple[str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(file.read_text())):
        sums[row["account"], row["currency"]] += int(row["amount_minor"])
        assert row["amount"].replace(".", "").lstrip("-0") == row["amount_minor"].lstrip("-")
    assert {name: amount for name, amount in sums.items() if amount} == by_journal(books)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("form", ["json", "csv", "hledger"])
def test_a_failed_export_leaves_the_old_file(books: Books, tmp_path: Path, form: str) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact())
    books.plant("UPDATE journal SET kind = 99")
    file = tmp_path / "ledger"
    file.write_text("old")
    done = CliRunner().invoke(app, ["export", "--format", form, "--output", str(file)])
    assert done.exit_code != 0
    assert "journal row 3-1: kind 99" in str(done.exception)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("ledger", "old")]


def test_a_reader_that_stops_early_ends_an_export_in_peace(books: Books) -> None:
    fill(books)
    export = subprocess.Popen(
        [KOC, "ledger", "export", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert export.stdout is not None
    assert export.stderr is not None
    assert json.loads(export.stdout.readline())["entry_id"] == "0-1"
    export.stdout.close()
    assert export.stderr.read() == b""
    assert export.wait(30) == 0
