"""`koc ledger balances`, `digest` and `export` on a real book: what they print is what the journal adds up to."""

import csv
import hashlib
import io
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.ledger import LedgerEntry
from services.cli.ledger import app
from services.kernel.time import format_rfc3339
from tests.kit.books import Books
from tests.kit.command import KOC, koc
from tests.kit.commands import freeze
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, PLAN, RELATION
from tests.kit.settlement_book import fill
from tests.kit.settlement_facts import PAID_AT, Fact, FactVersion


def ledger(*words: str) -> str:
    """What `koc ledger` prints."""
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
    listed = json.loads(ledger("balances", "--json"))
    assert {(one["account"], one["currency"]): one["amount_minor"] for one in listed} == by_journal(books)
    assert {frozenset(one) for one in listed} == {frozenset({"account", "currency", "amount_minor"})}
    names = [(one["account"], one["currency"]) for one in listed]
    assert names == sorted(names)
    for currency in ("CNY", "JPY", "KWD"):
        assert sum(one["amount_minor"] for one in listed if one["currency"] == currency) == 0


def test_balances_of_a_prefix_are_shown_in_the_currencys_decimals(books: Books) -> None:
    books.register(PLAN | {"currency": None}, RELATION)
    books.assert_lines(Fact(), Fact(order_id="o_2", currency="JPY"), Fact(order_id="o_3", currency="KWD"))
    shown = [line.split() for line in ledger("balances", "--account", "koc:k_7:").splitlines()[1:]]
    assert shown == [["koc:k_7:pending", "CNY", "-25.20"], ["koc:k_7:pending", "JPY", "-2520"],
                     ["koc:k_7:pending", "KWD", "-2.520"]]  # fmt: skip


def test_balances_of_a_prefix_that_nobody_has_are_a_sentence_and_status_1(books: Books) -> None:
    fill(books)
    done = CliRunner().invoke(app, ["balances", "--account", "koc:k_none"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "koc: no account that begins with koc:k_none has a balance\n"
    done = CliRunner().invoke(app, ["balances", "--account", "koc:k_none", "--json"])
    assert (done.exit_code, done.stdout) == (1, "[]\n")


def test_books_that_are_empty_have_no_balances_and_that_is_no_error(books: Books) -> None:
    del books
    assert ledger("balances").split() == ["account", "currency", "amount"]


def test_lines_of_each_condition_are_listed_with_amount_reason_and_time(books: Books) -> None:
    fill(books)
    generous = {"event_id": "r10", "version": 3, "base": "before_platform_discount", "rate_ppm": 1_000_000}
    books.register(ANY_CURRENCY | generous)
    huge = Fact(order_id="o_huge", goods_paid_minor=600_000_000_000, platform_discount_minor=600_000_000_000)
    books.assert_lines(huge)
    early, late = Fact(order_id="o_below", version=FactVersion(1, 1, 1, 3)), FactVersion(1, 1, 0, 9)
    books.assert_lines(early, early.but(version=late))
    assert freeze("o_5/1/b_5", "two contents under one vector")
    assert not freeze("o_later/1/b_later", "by hand")

    assert listed("--unpriced") == [
        ("o_52", "1", "b_52", "CNY", 11_924, "no_plan", format_rfc3339(PAID_AT)),
    ]
    ((*names, currency, amount, reason, _),) = listed("--set-aside")
    assert (names, currency, amount) == (["o_huge", "1", "b_1"], "CNY", 0)
    assert "is over the journal's limit of 1000000000000" in reason
    quarantined = listed("--quarantined")
    assert [(one[0], one[5], one[6]) for one in quarantined] == [
        ("o_later", "by hand", None),
        ("o_5", "two contents under one vector", format_rfc3339(PAID_AT)),
    ]
    charged = {account: amount for account, amount in booked(books, "o_5").items() if account.startswith("brand:")}
    assert [quarantined[1][4]] == list(charged.values())
    ((order_id, *_, since),) = listed("--below-join")
    assert (order_id, since > format_rfc3339(PAID_AT)) == ("o_below", True)


def listed(condition: str) -> list[tuple[object, ...]]:
    """The lines of a condition, each as a tuple of its fields."""
    found = json.loads(ledger("lines", condition, "--json"))
    assert found["total"] == len(found["lines"])
    return [tuple(line.values()) for line in found["lines"]]


def booked(books: Books, order_id: str) -> Counter[str]:
    """What the journal has for an order, by account."""
    sums: Counter[str] = Counter()
    names = dict(books.rows("SELECT id, key FROM account"))
    for accounts, amounts in books.rows(f"SELECT accounts, amounts FROM journal WHERE order_id = '{order_id}'"):
        sums.update({names[account]: amount for account, amount in zip(accounts, amounts, strict=True)})
    return sums


def test_a_limit_shows_the_lines_that_wait_longest_and_counts_the_rest(books: Books) -> None:
    books.assert_lines(*(Fact(order_id=f"o_{n}", paid_at=PAID_AT - n) for n in range(5)))
    assert ledger("lines", "--unpriced", "--limit", "2").splitlines() == [
        f"o_{n}/1/b_1{'':23}          200.00 CNY  since {format_rfc3339(PAID_AT - n)}  no_plan" for n in (4, 3)
    ] + ["5 lines, 3 of them not shown: --limit shows more"]
    assert ledger("lines", "--quarantined") == "0 lines\n"


@pytest.mark.parametrize("options", [[], ["--unpriced", "--quarantined"]])
def test_lines_want_exactly_one_condition(options: list[str]) -> None:
    done = CliRunner().invoke(app, ["lines", *options])
    assert done.exit_code == 2
    assert "name one of" in done.output


@pytest.mark.usefixtures("empty_database")
@pytest.mark.parametrize(
    "words",
    [["balances"], ["lines", "--unpriced"], ["digest"], ["export", "--format", "csv"], ["verify"]],
    ids=lambda words: words[0],
)
def test_a_database_without_tables_is_one_sentence_with_the_command_that_makes_them(words: list[str]) -> None:
    done = koc("ledger", *words)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("koc: the database's schema is at revision None")
    assert done.stderr.endswith("run `koc settlement migrate`\n")


def test_a_role_that_may_not_read_is_one_sentence(books: Books) -> None:
    books.grant("REVOKE SELECT ON journal FROM koc_reader")
    done = koc("ledger", "digest")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        "koc: the role may not read the books (permission denied for table journal): `koc doctor` checks the roles\n"
    )


def test_an_address_that_is_no_url_is_one_sentence_that_does_not_repeat_it() -> None:
    done = koc("ledger", "digest", KOC_DATABASE_READER_URL="secret@somewhere")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("koc: KOC_DATABASE_READER_URL is no database address")
    assert "secret" not in done.stderr


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
    assert ledger("digest").split()[0] != hashlib.sha256(covered).hexdigest()
    books.register(RELATION)
    books.assert_lines(paid.refunded(5_000))
    result = json.loads(ledger("digest", "--json"))
    assert result == {"sha256": hashlib.sha256(covered).hexdigest(), "positions": 10}
    assert ledger("digest").split()[0] == result["sha256"]


def test_the_digest_covers_what_belongs_to_no_order_line(books: Books) -> None:
    books.register(PLAN, RELATION, CONTENT, ACCEPTED)
    covered = b"||brand:br_2:accrued|CNY|30000\n||koc:k_7:pending|CNY|-30000\n"
    assert ledger("digest").split()[0] == hashlib.sha256(covered).hexdigest()


def test_json_is_the_topics_message_and_comes_by_writer_and_number(books: Books) -> None:
    fill(books)
    lines = ledger("export", "--format", "json").splitlines()
    entries = [LedgerEntry.model_validate_json(line, strict=True) for line in lines]
    stored = books.rows("SELECT writer, seq, encode(chain, 'hex') FROM journal ORDER BY writer, seq")
    assert [(entry.writer, entry.seq, entry.hash) for entry in entries] == stored


def test_csv_has_a_row_a_leg_and_adds_up(books: Books, tmp_path: Path) -> None:
    fill(books)
    file = tmp_path / "ledger.csv"
    assert ledger("export", "--format", "csv", "--output", str(file)) == ""
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
    assert export.wait(90) == 0
