"""However posters and closes come: each row has one month for ever, months add up to the balances, seals never move."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.time import month_of
from services.settlement.books.memory_period_records import MemoryPeriodRecords
from services.settlement.books.memory_state import MemoryState
from services.settlement.verify.periods import PeriodCheck
from tests.kit.book_driver import ZONE_MINUTES, BookDriver, MemoryStore
from tests.kit.memory_periods import MemoryPeriods, sums_of
from tests.kit.periods import SETTING, paid

PAY, REFUND, CLOSE, REOPEN = "pay", "refund", "close", "reopen"
STEPS = st.lists(
    st.tuples(
        st.sampled_from((PAY, PAY, REFUND, REFUND, CLOSE, CLOSE, REOPEN)), st.integers(0, 9), st.integers(1, 100)
    ),
    max_size=25,
)


def check(state: MemoryState, months: MemoryPeriods) -> None:
    """The laws, at any moment."""
    # months add up to the balances
    every: Counter[int] = Counter()
    everything = tuple(writer.last.seq for _, writer in sorted(state.writers.items()))
    for period in {row.period for row in state.journal.values()}:
        every.update(sums_of(state, period, everything))
    assert {account: amount for account, amount in every.items() if amount} == {
        account: amount for account, (amount, _) in state.balances.items() if amount
    }
    # a seal never moves, and covers what is stored
    for close in state.closes:
        sums = sums_of(state, close.period, tuple(close.cut))
        stored = {key[2]: amount for key, amount in state.period_sums.items() if key[:2] == close[:2]}
        assert {account: amount for account, amount in sums.items() if amount} == stored
    # and the check of verify agrees
    checked = PeriodCheck(MemoryPeriodRecords(state), months.commands)
    rows = [state.journal[place] for place in sorted(state.journal)]
    assert list(checked.watched(rows)) == rows
    assert list(checked.end()) == []


@settings(max_examples=150)
@given(STEPS)
def test_rows_stay_in_the_month_that_was_open_when_they_came(steps: list[tuple[str, int, int]]) -> None:
    store = MemoryStore()
    books, months = BookDriver(store), MemoryPeriods(store)
    books.register(*SETTING)
    lines = {}
    known: dict[tuple[int, int], str] = {}
    for what, number, day in steps:
        oldest = store.state.closed_months().oldest_open or ""
        if what == PAY and number not in lines:
            lines[number] = paid(number, day)
            books.assert_lines(lines[number], partition=number % 3)
        elif what == REFUND and number in lines and lines[number].refunded_minor < 18_000:
            event = f"o_{number}_{lines[number].version.order}"
            lines[number] = lines[number].refunded(1_000, event_id=event, at=lines[number].as_of + day)
            books.assert_lines(lines[number], partition=number % 3)
        elif what == CLOSE:
            months.close()
        elif what == REOPEN:
            months.reopen()
        # a new row is in its own month or in the oldest open one; an old row is where it was
        for place, row in store.state.journal.items():
            assert row.period == known.setdefault(place, max(month_of(row.effective_at, ZONE_MINUTES), oldest))
        check(store.state, months)
