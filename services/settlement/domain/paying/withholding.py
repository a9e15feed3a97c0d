"""Tax that is kept back from payouts: a pure hook, by a table with a version. As yet there is one table, of nothing."""

from collections.abc import Callable
from typing import NamedTuple


class Earning(NamedTuple):
    """What a party (`ROLE:ID`) is about to get, and what it has got this year, in minor units of one currency."""

    party: str
    currency: str
    gross_minor: int
    paid_this_year_minor: int


class Withholding(NamedTuple):
    """What is kept back of an earning, and whom it is owed to; None = nothing is kept back."""

    authority: str | None
    amount_minor: int


NOTHING_WITHHELD = Withholding(None, 0)


class TaxTable(NamedTuple):
    """A rule under a version, which is stored with each batch."""

    version: str
    withhold: Callable[[Earning], Withholding]


NO_TAX = TaxTable("none", lambda _earning: NOTHING_WITHHELD)
