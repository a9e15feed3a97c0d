"""verify computes every seal again, and finds whatever was changed below one."""

from collections.abc import Iterator

import psycopg
import pytest

from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.settlement.verify.findings import Difference
from services.settlement.verify.verify import verify
from tests.kit import periods
from tests.kit.books import Books
from tests.kit.commands import given, login
from tests.kit.periods import SETTING, day_of, paid


@pytest.fixture
def closed(books: Books, on_stack: Stack) -> Iterator[Books]:
    """June closed, reopened and closed again with more, and July closed with late rows of June."""
    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 20))
    periods.close("2026-06")
    books.assert_lines(paid(2, 20).refunded(5_000, at=day_of(25)))
    with login(on_stack, "koc_operator") as (_, address):
        given("period", "approve", given("period", "reopen", "2026-06")["command_id"], by=address)
        books.assert_lines(paid(3, 7), paid(4, 38))
        periods.close("2026-06")
        books.assert_lines(paid(5, 8))
        periods.close("2026-07")
        yield books


def differences(books: Books) -> list[Difference]:
    with books.store.snapshot() as snapshot:
        return verify(snapshot).differences


def plant(*statements: str) -> None:
    """Do what nobody may, with the triggers off that keep commands, closes and the journal as they are."""
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        for table in ("journal", "command", "period_close", "period_sum"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            assert connection.execute(statement).rowcount == 1, statement


def found(books: Books, check: str) -> list[str]:
    """Where this check finds a difference."""
    return [one.where for one in differences(books) if one.check == check]


def test_closed_and_reopened_months_are_as_they_should_be(closed: Books) -> None:
    assert differences(closed) == []
    months = closed.rows("SELECT period, count(*) FROM journal GROUP BY 1 ORDER BY 1")
    assert months == [("2026-06", 3), ("2026-07", 3)]


JUNE_1, JUNE_2, JULY = "2026-06 revision 1", "2026-06 revision 2", "2026-07 revision 1"
OF_K7 = "account_id = (SELECT id FROM account WHERE key = 'koc:k_7:pending')"
FAULTS = {
    "an amount below the cut": (
        "UPDATE journal SET amounts = (SELECT array_agg(2 * v) FROM unnest(amounts) v) WHERE (writer, seq) = (3, 1)",
        {JUNE_1, JUNE_2},
    ),
    "a row moved into a closed month": (
        "UPDATE journal SET period = '2026-06' WHERE (writer, seq) = (3, 3)", {JUNE_2, JULY},
    ),
    "a row moved out of a closed month": (
        "UPDATE journal SET period = '2026-07' WHERE (writer, seq) = (3, 1)", {JUNE_1, JUNE_2, JULY},
    ),
    "a stored sum": (
        f"UPDATE period_sum SET amount_minor = amount_minor + 1 WHERE period = '2026-07' AND {OF_K7}",
        {f"{JULY}, account koc:k_7:pending CNY"},
    ),
    "a sum that is gone": (
        f"DELETE FROM period_sum WHERE (period, revision) = ('2026-06', 1) AND {OF_K7}",
        {f"{JUNE_1}, account koc:k_7:pending CNY"},
    ),
    "a seal": (
        "UPDATE period_close SET seal = '\\x01' WHERE (period, revision) = ('2026-06', 1)",
        {JUNE_1, f"{JUNE_1}, its seal", f"{JUNE_2}, the seal before"},
    ),
    "a cut": ("UPDATE period_close SET cut[4] = cut[4] - 1 WHERE period = '2026-07'", {JULY, f"{JULY}, its cut"}),
    "a cut that is gone": ("UPDATE period_close SET cut = '{}' WHERE period = '2026-07'", {JULY, f"{JULY}, its cut"}),
    "the seal before": (
        "UPDATE period_close SET previous_seal = seal WHERE period = '2026-07'", {JULY, f"{JULY}, the seal before"},
    ),
    "a reopening without a command": (
        "UPDATE period_close SET reopened_at = now() WHERE period = '2026-07'", {JULY},
    ),
    "a command without its close": (
        "UPDATE period_close SET command = 'another' WHERE period = '2026-07'",
        {"command period-closed-2026-07-1", *(f"{JULY}, its {name}" for name in ("period", "revision", "seal", "cut"))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(closed: Books, fault: str) -> None:
    statement, where = FAULTS[fault]
    plant(statement)
    assert {one for one in found(closed, "seal") if "account" not in one or one in where} == where


def test_a_row_that_came_into_a_closed_month_is_found(closed: Books) -> None:
    plant("UPDATE journal SET period = '2026-06' WHERE (writer, seq) = (3, 6)")
    assert found(closed, "period") == ["row 3-6"]
    assert found(closed, "seal") != []


def test_a_row_before_the_first_close_and_a_month_that_posters_take_for_open_are_found(closed: Books) -> None:
    plant("UPDATE journal SET period = '2026-05' WHERE (writer, seq) = (3, 1)")
    plant("UPDATE period SET closed = false WHERE id = '2026-07'")
    assert found(closed, "period") == ["row 3-1", "month 2026-07"]
