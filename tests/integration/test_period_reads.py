"""A month as it was known when it was closed, as it was known at a moment, and as it is known now."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import koc
from services.kernel.errors import InputRefused
from services.kernel.time import format_rfc3339
from services.runtime.local.stack import Stack
from tests.kit import periods
from tests.kit.books import Books
from tests.kit.commands import given, login, status_of, told
from tests.kit.periods import SETTING, day_of, paid

CLOSED, REOPENED, AGAIN, NOW = range(4)


@pytest.fixture
def moments(books: Books, on_stack: Stack) -> Iterator[list[str]]:
    """June closed, a late refund of June, reopened, another one, closed again; a time after each of the four steps."""
    ticks: list[str] = []

    def tick() -> None:
        ((now,),) = books.rows('SELECT to_char(clock_timestamp(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')')
        ticks.append(now)

    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 20), paid(3, 35))
    periods.close("2026-06")
    tick()
    books.assert_lines(paid(1, 5).refunded(5_000, at=day_of(25)))
    with login(on_stack, "koc_operator") as (_, address):
        given("period", "approve", given("period", "reopen", "2026-06")["command_id"], by=address)
        books.assert_lines(paid(4, 7))
        tick()
        periods.close("2026-06")
        tick()
        books.assert_lines(paid(5, 8), paid(6, 40))
        tick()
        yield ticks


def exported(*words: str) -> list[dict[str, Any]]:
    """The journal as JSON lines."""
    return [json.loads(line) for line in told("ledger", "export", "--format", "json", *words).splitlines()]


def orders(*words: str) -> list[str]:
    """Whose entries an export has."""
    return [entry["order_id"] for entry in exported(*words)]


def movement(*words: str) -> int:
    """What brand br_2 is charged in a month."""
    found = json.loads(told("ledger", "balances", "--account", "brand:br_2:accrued", "--json", *words))
    return int(found[0]["movement_minor"])


def test_a_month_is_exported_as_it_was_known(moments: list[str]) -> None:
    june = ("--period", "2026-06")
    assert orders(*june, "--revision", "1") == ["o_1", "o_2"]
    assert orders(*june, "--revision", "2") == ["o_1", "o_2", "o_4"]
    assert orders(*june) == ["o_1", "o_2", "o_4"]
    assert orders(*june, "--as-known-at", moments[CLOSED]) == ["o_1", "o_2"]
    assert orders(*june, "--as-known-at", moments[REOPENED]) == ["o_1", "o_2", "o_4"]
    assert orders(*june, "--as-known-at", moments[AGAIN]) == ["o_1", "o_2", "o_4"]
    assert orders(*june, "--as-known-at", "2026-01-01T00:00:00Z") == []
    assert orders("--period", "2026-07", "--as-known-at", moments[CLOSED]) == ["o_3"]
    assert orders("--period", "2026-07", "--as-known-at", moments[AGAIN]) == ["o_3", "o_1"]
    assert orders("--period", "2026-07") == ["o_3", "o_1", "o_5", "o_6"]


def test_entries_of_a_month_are_those_of_the_whole_journal(moments: list[str]) -> None:
    del moments
    whole = exported()
    of_months = exported("--period", "2026-06") + exported("--period", "2026-07")
    assert sorted(of_months, key=lambda entry: (entry["writer"], entry["seq"])) == whole
    assert "2026-07" not in told("ledger", "export", "--format", "hledger", "--period", "2026-06").partition("* (")[2]


def test_opening_and_movement_are_the_closing_and_the_next_opening(moments: list[str]) -> None:
    june, july = (
        json.loads(told("ledger", "balances", "--json", "--period", month)) for month in ("2026-06", "2026-07")
    )
    assert {one["opening_minor"] for one in june} == {0}
    for one in (*june, *july):
        assert one["opening_minor"] + one["movement_minor"] == one["closing_minor"]
    assert {one["account"]: one["opening_minor"] for one in july} == {
        one["account"]: one["closing_minor"] for one in june
    }
    whole = Counter({one["account"]: one["amount_minor"] for one in json.loads(told("ledger", "balances", "--json"))})
    assert {one["account"]: one["closing_minor"] for one in july} == whole
    assert movement("--period", "2026-06", "--revision", "1") == 8_000
    assert movement("--period", "2026-06", "--as-known-at", moments[REOPENED]) == 12_000
    assert movement("--period", "2026-07", "--as-known-at", moments[AGAIN]) == 3_000
    page = told("ledger", "balances", "--period", "2026-07", "--account", "brand:")
    assert page.split() == [
        "account", "currency", "opening", "movement", "closing",
        "brand:br_2:accrued", "CNY", "120.00", "110.00", "230.00",
    ]  # fmt: skip


@pytest.mark.usefixtures("moments")
def test_what_cannot_be_known_is_one_sentence() -> None:
    words = ("ledger", "balances", "--period")
    assert sentence(*words, "2026-06", "--revision", "3") == "2026-06 has no revision 3: it has 2"
    assert sentence(*words, "2026-07", "--revision", "1") == "2026-07 has no revision 1: it was never closed"
    assert sentence(*words, "2026-7") == "'2026-7' is no month: write it as 2026-11"
    assert sentence(*words, "2026-07", "--as-known-at", "june").startswith("'june' is no moment")
    for senseless in (
        ("--revision", "1"), ("--as-known-at", format_rfc3339(0)),
        ("--period", "2026-06", "--revision", "1", "--as-known-at", format_rfc3339(0)),
    ):  # fmt: skip
        assert status_of("ledger", "balances", *senseless) == 2
        assert status_of("ledger", "export", "--format", "csv", *senseless) == 2


def sentence(*words: str) -> str:
    """What is said of a command that is refused."""
    done = CliRunner().invoke(koc, list(words))
    assert isinstance(done.exception, InputRefused), repr(done.exception)
    return str(done.exception)
