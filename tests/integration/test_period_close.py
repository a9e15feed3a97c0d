"""Months are closed in order under a seal, reopened by two people, and what comes late counts in the next one."""

import json
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest

from services.kernel.errors import InputRefused
from services.kernel.time import format_rfc3339, parse_rfc3339
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.settlement.domain.book.entries import Kind
from tests.kit import periods
from tests.kit.books import Books
from tests.kit.commands import given, login, refused, status_of, told
from tests.kit.periods import SETTING, day_of, paid
from tests.kit.registry_events import ACCEPTED, CONTENT

SUMS = (
    "SELECT key, currency, amount_minor FROM period_sum JOIN account ON id = account_id WHERE period = '{}' ORDER BY 1"
)


@pytest.fixture
def second(books: Books, on_stack: Stack) -> Iterator[str]:
    """The address of another person with the same rights."""
    del books
    with login(on_stack, "koc_operator") as (_, address):
        yield address


@pytest.fixture
def june(books: Books) -> Books:
    """Two orders of June and one of July."""
    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 20))
    books.assert_lines(paid(3, 35), partition=4)
    return books


def test_a_closed_month_has_a_cut_its_sums_and_a_seal_over_them(june: Books) -> None:
    done = periods.close("2026-06")
    assert done.is_new
    cut = [0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert (done.result["revision"], done.result["cut"]) == (1, cut)
    sums = [
        ("brand:br_2:accrued", "CNY", 8000), ("koc:k_7:pending", "CNY", -5040), ("mcn:m_1:pending", "CNY", -1440),
        ("platform:fee_deferred", "CNY", -800), ("recruiter:r_1:pending", "CNY", -720),
    ]  # fmt: skip
    assert june.rows(SUMS.format("2026-06")) == sums
    lines = sorted(f"{account}|{currency}|{amount}" for account, currency, amount in sums)
    text = "\n".join(["koc-seal-1", "0" * 64, "2026-06", "1", ",".join(map(str, cut)), *lines, ""])
    assert done.result["seal"] == sha256(text.encode()).hexdigest()
    assert june.rows("SELECT cut, offsets, encode(seal, 'hex'), command FROM period_close") == [
        (cut, [0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0], done.result["seal"], "period-closed-2026-06-1")
    ]
    ((point,),) = june.rows("SELECT point FROM command")
    assert point["seqs"] == cut


def test_the_next_close_is_chained_to_the_one_before_and_an_empty_month_closes_too(june: Books) -> None:
    seals = [periods.close(month).result["seal"] for month in ("2026-06", "2026-07", "2026-08")]
    chain = june.rows("SELECT encode(previous_seal, 'hex'), encode(seal, 'hex') FROM period_close ORDER BY period")
    assert chain == list(zip(["0" * 64, *seals], seals, strict=False))
    assert june.rows(SUMS.format("2026-08")) == []
    assert june.rows("SELECT * FROM period ORDER BY 1") == [("2026-06", True), ("2026-07", True), ("2026-08", True)]


def test_only_the_next_month_closes_and_only_after_its_end(june: Books) -> None:
    for wrong in ("2026-05", "2026-07"):
        with pytest.raises(InputRefused, match="closed in order: the month to close next is 2026-06"):
            periods.close(wrong)
    periods.close("2026-06")
    with pytest.raises(InputRefused, match="closed in order: the month to close next is 2026-07"):
        periods.close("2026-08")
    with pytest.raises(
        InputRefused, match="2026-05 is closed, or before all books: the month to close next is 2026-07"
    ):
        periods.close("2026-05")
    for month in ("2026-13", "2026-6", "June"):
        with pytest.raises(InputRefused, match="is no month: write it as 2026-11"):
            periods.close(month)
    assert june.rows("SELECT count(*) FROM command") == [(1,)]


def test_a_month_that_has_not_ended_in_the_settlement_zone_stays_open(books: Books) -> None:
    books.register(*SETTING)
    ((month, ends),) = books.rows("""
        SELECT to_char(here, 'YYYY-MM'),
          to_char(date_trunc('month', here) + interval '1 month' - interval '8 hours', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        FROM (SELECT now() AT TIME ZONE 'Asia/Shanghai' AS here) AS clock
    """)
    now = parse_rfc3339(f"{month}-01T00:00:00+08:00")
    books.assert_lines(paid(1, 5).but(paid_at=now, as_of=now))
    with pytest.raises(InputRefused, match=f"{month} has not ended: it can be closed from {ends} on"):
        periods.close(month)


@pytest.mark.usefixtures("books")
def test_an_empty_journal_has_no_month_to_close() -> None:
    with pytest.raises(InputRefused, match="the journal is empty"):
        periods.close("2026-06")


def test_a_refund_of_june_that_comes_after_junes_close_is_julys_row_and_junes_seal_does_not_move(june: Books) -> None:
    periods.close("2026-06")
    sealed = june.rows("SELECT cut, seal FROM period_close"), june.rows(SUMS.format("2026-06"))
    june.assert_lines(paid(2, 20).refunded(5_000, at=day_of(25)))
    late = june.journal()[-2].entry
    assert (late.period, late.effective_at, late.corrects) == ("2026-07", day_of(25), "3-2")
    assert (june.rows("SELECT cut, seal FROM period_close"), june.rows(SUMS.format("2026-06"))) == sealed
    periods.close("2026-07")
    assert {key: amount for key, _, amount in june.rows(SUMS.format("2026-07"))} == {
        "brand:br_2:accrued": 3000, "koc:k_7:pending": -1890, "mcn:m_1:pending": -540,
        "platform:fee_deferred": -300, "recruiter:r_1:pending": -270,
    }  # fmt: skip


def test_what_the_registry_books_late_goes_to_the_open_month_too(june: Books) -> None:
    periods.close("2026-06")
    at = format_rfc3339(day_of(3))
    june.register(CONTENT | {"occurred_at": at}, ACCEPTED | {"occurred_at": at})
    fee = june.journal()[-1].entry
    assert (fee.kind, fee.period, fee.effective_at) == (Kind.SCRIPT_FEE_ACCRUED, "2026-07", day_of(3))
    month = "SELECT to_char(now() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')"
    before = june.rows(month)
    given("brand", "paid", "br_2", "30.00", "CNY")
    assert [(june.journal()[-1].entry.period,)] in (before, june.rows(month))


def test_the_same_close_again_is_the_first_one_and_another_id_is_refused(june: Books) -> None:
    first = periods.close("2026-06")
    assert periods.close("2026-06") == first._replace(is_new=False)
    with pytest.raises(InputRefused, match="2026-06 is closed"):
        periods.close("2026-06", "another")
    assert june.rows("SELECT count(*) FROM period_close") == [(1,)]


def test_a_trial_says_the_seal_and_changes_nothing(june: Books) -> None:
    tried = periods.close("2026-06", is_trial=True)
    assert (tried.seq, tried.is_new) == (None, True)
    assert june.rows("SELECT (SELECT count(*) FROM period), (SELECT count(*) FROM period_close)") == [(0, 0)]
    assert periods.close("2026-06").result == tried.result


def test_the_last_closed_month_is_reopened_by_two_people_and_closed_as_a_new_revision(june: Books, second: str) -> None:
    first = periods.close("2026-06")
    proposed = given("period", "reopen", "2026-06")
    assert proposed["command_id"] == "period-reopen-proposed-2026-06-1"
    assert proposed["result"] == {"revision": 1}
    june.assert_lines(paid(4, 6))
    assert june.journal()[-2].entry.period == "2026-07"
    assert refused("period", "approve", proposed["command_id"]) == (
        78, "koc_operator_local proposed period-reopen-proposed-2026-06-1: somebody else must approve it",
    )  # fmt: skip
    assert given("period", "approve", proposed["command_id"], by=second)["result"] == {"revision": 1}
    june.assert_lines(paid(5, 7))
    assert june.journal()[-2].entry.period == "2026-06"
    again = periods.close("2026-06")
    assert (again.command_id, again.result["revision"]) == ("period-closed-2026-06-2", 2)
    assert june.rows("SELECT encode(previous_seal, 'hex') FROM period_close WHERE revision = 2") == [
        (first.result["seal"],)
    ]
    stored = june.rows("SELECT revision, reopened_by IS NULL, encode(seal, 'hex') FROM period_close ORDER BY 1")
    assert stored == [(1, False, first.result["seal"]), (2, True, again.result["seal"])]
    status, sentence = refused("period", "approve", proposed["command_id"], "--id", "twice", by=second)
    assert (status, sentence) == (
        65, "period-reopen-proposed-2026-06-1 is about revision 1 of 2026-06, which was reopened before",
    )  # fmt: skip


def test_only_the_last_closed_month_is_reopened_then_the_one_before_it(june: Books, second: str) -> None:
    assert refused("period", "reopen", "2026-06") == (65, "2026-06 is open: no month is closed")
    periods.close("2026-06")
    periods.close("2026-07")
    assert refused("period", "reopen", "2026-08") == (65, "2026-08 is open: the last closed month is 2026-07")
    assert refused("period", "reopen", "2026-06") == (
        65, "only the last closed month can be reopened: 2026-07, then the one before it",
    )  # fmt: skip
    for month in ("2026-07", "2026-06"):
        given("period", "approve", given("period", "reopen", month)["command_id"], by=second)
    june.assert_lines(paid(4, -20))
    assert june.journal()[-2].entry.period == "2026-06", "no month before the first close opens"
    with pytest.raises(InputRefused, match="the month to close next is 2026-06"):
        periods.close("2026-07")
    assert [periods.close(month).result["revision"] for month in ("2026-06", "2026-07")] == [2, 2]


@pytest.mark.usefixtures("june")
def test_the_database_refuses_a_reopening_by_the_login_that_proposed_it() -> None:
    periods.close("2026-06")
    given("period", "reopen", "2026-06", "--id", "p")
    with psycopg.connect(psycopg_dsn("operator")) as connection:
        head = connection.execute("SELECT hash FROM command WHERE seq = 2").fetchone()
        assert head is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"period\.reopened is given by somebody else"):
            connection.execute(
                "INSERT INTO command VALUES (3, 'x', 'period.reopened', session_user, 'r', '{\"proposal\": \"p\"}',"
                " null, '{}', now(), %s, '\\x00')", head,
            )  # fmt: skip


SEALED = [
    "UPDATE period_close SET seal = '\\x00'",
    "UPDATE period_close SET cut = '{}'",
    "DELETE FROM period_close",
    "UPDATE period_sum SET amount_minor = 1",
    "DELETE FROM period_sum",
    "INSERT INTO period_sum SELECT '2026-06', 1, id, 1 FROM account WHERE key = 'platform:fee'",
]


@pytest.mark.parametrize("statement", SEALED)
def test_nobody_changes_what_is_sealed(june: Books, statement: str) -> None:
    periods.close("2026-06")
    june.grant("INSERT INTO account (key, currency) VALUES ('platform:fee', 'CNY')")
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation, match="sealed"):
            connection.execute(statement)
        connection.rollback()
        connection.execute("UPDATE period_close SET root = '\\x01'")
        with pytest.raises(psycopg.errors.RestrictViolation, match="the close of 2026-06 revision 1 is sealed"):
            connection.execute("UPDATE period_close SET root = '\\x02'")


def test_closes_are_listed_and_shown(june: Books) -> None:
    done = periods.close("2026-06")
    seal = done.result["seal"]
    assert told("period", "list").startswith("2026-06  revision 1  20")
    ((listed,),) = [json.loads(told("period", "list", "--json"))]
    assert (listed["seal"], listed["closed_by"], listed["root"]) == (seal, "koc_operator_local", None)
    shown = json.loads(told("period", "show", "2026-06", "--revision", "1", "--json"))
    assert shown["sums"][1] == {
        "kind": "koc:*:pending", "nature": "liability", "currency": "CNY", "accounts": 1, "amount_minor": -5040,
    }  # fmt: skip
    page = told("period", "show", "2026-06")
    assert f"seal       {seal}" in page
    assert "cut        3-2, 4-1" in page
    assert "statements still to be made" in page
    assert june.rows("SELECT count(*) FROM command") == [(1,)]
    assert status_of("period", "show", "2026-06", "--revision", "2") == 1
