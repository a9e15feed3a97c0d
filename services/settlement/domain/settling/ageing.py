"""How long a debt has been open: credits go to the oldest debit."""

from collections.abc import Iterable
from typing import NamedTuple

from services.kernel.time import DAY

AGES_DAYS = (0, 30, 60, 90)
"""Where each age begins."""


class AgedDebt(NamedTuple):
    """What is open by age, in the order of AGES_DAYS, and the time of the oldest debit that is (None: nothing is)."""

    open_minor: tuple[int, ...]
    oldest_at: int | None


def age_debt(legs: Iterable[tuple[int, int]], now: int) -> AgedDebt:
    """What is left of debits after all credits, whenever these came.

    Args:
        legs: (effective_at, amount_minor) of one account and currency; debits are positive.
        now: microseconds; a debit after it is of the youngest age.
    """
    known = sorted(legs)
    credit = -sum(amount for _, amount in known if amount < 0)
    by_age = dict.fromkeys(AGES_DAYS, 0)
    oldest_at = None
    for at, amount in known:
        left = max(0, amount - credit) if amount > 0 else 0
        credit -= min(credit, max(0, amount))
        if left:
            by_age[max(days for days in AGES_DAYS if days == 0 or at <= now - days * DAY)] += left
            oldest_at = at if oldest_at is None else oldest_at
    return AgedDebt(tuple(by_age.values()), oldest_at)
