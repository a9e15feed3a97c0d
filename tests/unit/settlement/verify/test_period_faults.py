"""Faults planted in closed months of books in memory, and what the check says of each."""

from collections.abc import Callable

import pytest

from services.settlement.books.memory_period_records import MemoryPeriodRecords
from services.settlement.books.memory_state import MemoryState
from services.settlement.domain.book.seals import NO_SEAL
from services.settlement.verify.findings import Difference
from services.settlement.verify.periods import PeriodCheck
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.memory_periods import MemoryPeriods
from tests.kit.periods import SETTING, paid

LATE, EARLY = (3, 3), (3, 1)
JUNE, AGAIN, JULY = "2026-06 revision 1", "2026-06 revision 2", "2026-07 revision 1"


@pytest.fixture
def months() -> MemoryPeriods:
    """June closed, reopened, closed again with one more row, and July closed."""
    store = MemoryStore()
    books, months = BookDriver(store), MemoryPeriods(store)
    books.register(*SETTING)
    books.assert_lines(paid(1, 5))
    months.close()
    books.assert_lines(paid(2, 6))
    months.reopen()
    books.assert_lines(paid(3, 7))
    months.close()
    months.close()
    return months


def differences(months: MemoryPeriods) -> list[Difference]:
    state = months.state
    check = PeriodCheck(MemoryPeriodRecords(state), months.commands)
    for _ in check.watched(state.journal[place] for place in sorted(state.journal)):
        pass
    return list(check.end())


def test_months_without_a_fault_are_as_they_should_be(months: MemoryPeriods) -> None:
    assert [row.period for _, row in sorted(months.state.journal.items())] == ["2026-06", "2026-07", "2026-06"]
    assert differences(months) == []


def move(state: MemoryState, place: tuple[int, int], period: str) -> None:
    state.journal[place] = state.journal[place]._replace(period=period)


def drop_sum(state: MemoryState) -> None:
    del state.period_sums[next(key for key in state.period_sums if key[:2] == ("2026-07", 1))]


def seal(state: MemoryState, number: int, **changes: object) -> None:
    state.closes[number] = state.closes[number]._replace(**changes)


FAULTS: dict[str, tuple[Callable[[MemoryState], None], set[str]]] = {
    "a row moved below a cut": (lambda state: move(state, (3, 2), "2026-06"), {"row 3-2", AGAIN, JULY}),
    "a row before all books": (lambda state: move(state, EARLY, "2026-05"), {"row 3-1", JUNE, AGAIN}),
    "a row moved into the next month": (lambda state: move(state, LATE, "2026-07"), {AGAIN, JULY}),
    "a sum that is gone": (drop_sum, set()),
    "another seal": (
        lambda state: seal(state, 0, seal=b"x"), {JUNE, f"{JUNE}, its seal", f"{AGAIN}, the seal before"},
    ),
    "another place in the chain": (
        lambda state: seal(state, 2, previous_seal=NO_SEAL), {JULY, f"{JULY}, the seal before"},
    ),
    "a close that is gone": (
        lambda state: state.closes.pop(), {"command close-2026-07-1", "month 2026-07"},
    ),
    "a reopening that no command made": (lambda state: seal(state, 2, reopened_at=1), {JULY, "month 2026-07"}),
    "a month that posters take for open": (
        lambda state: state.periods.update({"2026-07": False}), {"month 2026-07"},
    ),
    "a close twice": (
        lambda state: seal(state, 1, revision=1),
        {JUNE, f"{JUNE}, its revision"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(months: MemoryPeriods, fault: str) -> None:
    plant, where = FAULTS[fault]
    plant(months.state)
    named = {one.where for one in differences(months)}
    assert named != set()
    assert {where for where in named if ", account " not in where} == where
