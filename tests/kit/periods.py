"""Months of tests: books with rows in months that have ended, and closes through the transactions that make them."""

from typing import Any

from services.kernel.time import DAY, HOUR, parse_rfc3339
from services.settlement.books.closing_transaction import CLOSING_SESSION
from services.settlement.books.command_transaction import operator_books
from services.settlement.commands.execute import CommandOutcome
from services.settlement.periods.close import close_period, closing_draft, find_close
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.settlement_facts import Fact, FactStep


def close(period: str, command_id: str | None = None, *, is_trial: bool = False) -> CommandOutcome:
    """Close a month, as `koc period close` does once the books know all."""
    with operator_books(session=CLOSING_SESSION) as book:
        draft = closing_draft(book, period, "a test", command_id)
        return find_close(book, draft) or close_period(book, draft, period, ZONE_MINUTES, is_trial=is_trial)


JUNE_1 = parse_rfc3339("2026-06-01T00:00:00+08:00")
SETTING = (
    PLAN | {"occurred_at": "2026-01-01T00:00:00Z", "effective_from": "2026-01-01T00:00:00Z"},
    RELATION | {"occurred_at": "2026-01-01T00:00:00Z", "effective_from": "2026-01-01T00:00:00Z"},
)
"""The worked plan and relation, long before the months of these tests."""


def paid(number: int, day: int, **changes: Any) -> Fact:
    """A line of 200.00 that was paid on a day of June 2026 or later, counted from 1."""
    at = day_of(day)
    return Fact(f"o_{number}", paid_at=at, as_of=at, steps=(FactStep(f"o_{number}_paid", at),)).but(**changes)


def day_of(day: int) -> int:
    """Nine o'clock on a day, counted from 1 June 2026."""
    return JUNE_1 + (day - 1) * DAY + 9 * HOUR
