"""The books keep the zone in which their months begin: a process with another one does not start."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from services.console.books import open_reader
from services.kernel.errors import StartRefused
from services.runtime.database import engine
from services.runtime.settings import settings
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.run_store import run_store
from services.settlement.posting.start_checks import check_start
from tests.kit.books import Books

STORED = "SELECT zone_minutes FROM registry_position"


def count_months_in(monkeypatch: pytest.MonkeyPatch, zone_minutes: int) -> None:
    monkeypatch.setenv("KOC_SETTLEMENT_ZONE_MINUTES", str(zone_minutes))
    settings.cache_clear()


def test_the_first_poster_sets_the_zone_and_one_with_another_zone_is_refused(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert books.rows(STORED) == [(None,)]
    check_start(engine("writer"))
    assert books.rows(STORED) == [(480,)]
    check_start(engine("writer"))
    count_months_in(monkeypatch, -180)
    with pytest.raises(StartRefused, match="set KOC_SETTLEMENT_ZONE_MINUTES=480"):
        check_start(engine("writer"))
    assert books.rows(STORED) == [(480,)]


@pytest.mark.parametrize("opened", [operator_books, run_store])
def test_a_command_or_a_run_with_another_zone_is_refused_too(
    books: Books, monkeypatch: pytest.MonkeyPatch, opened: Callable[[], AbstractContextManager[object]]
) -> None:
    with opened():
        assert books.rows(STORED) == [(480,)]
    count_months_in(monkeypatch, 0)
    with pytest.raises(StartRefused, match="counts months in 0: set KOC_SETTLEMENT_ZONE_MINUTES=480"), opened():
        pass


def test_a_console_with_another_zone_would_show_other_days_and_does_not_start(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_reader().dispose()
    check_start(engine("writer"))
    open_reader().dispose()
    assert books.rows(STORED) == [(480,)]
    count_months_in(monkeypatch, 0)
    with pytest.raises(StartRefused, match="set KOC_SETTLEMENT_ZONE_MINUTES=480"):
        open_reader()
