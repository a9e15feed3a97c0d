"""What a statement is made of: sums of journal rows of one party and currency, as they come from the books.

Amounts are minor units, debit positive as in the journal, unless a field says otherwise.
"""

from typing import NamedTuple


class StatementScope(NamedTuple):
    """Whose statement it is, and of which close.

    `closed_at` is microseconds, `seal` the close's seal. `zone_minutes` is the settlement zone, minutes east of UTC.
    """

    party: str
    currency: str
    period: str
    revision: int
    zone_minutes: int
    closed_at: int
    seal: bytes


class AccountOpening(NamedTuple):
    """What an account held before the period."""

    account: str
    amount_minor: int


class AccountMovement(NamedTuple):
    """What the period's rows of one kind move on an account; `month` of `effective_at` where that is an earlier one."""

    account: str
    kind: str
    month: str | None
    amount_minor: int


class ContentShare(NamedTuple):
    """What runs settled for one content: a party's part of it, or the brand's. `amount_minor` is what is earned.

    Without a content (None) it stands for all that a statement does not list one by one.
    """

    kind: str
    content_id: str | None
    koc_id: str | None
    lines: int
    amount_minor: int


class OrderReversal(NamedTuple):
    """What came back, or was restored, of one order, content or spend (`about`), as a movement of what is owed.

    Without a name (None) it stands for all that a statement does not list one by one; `orders` says how many.
    """

    kind: str
    about: str | None
    orders: int
    amount_minor: int


class PayoutState(NamedTuple):
    """A payout as of the cut. Amounts are what the party gets, and what was withheld; times are microseconds."""

    payout_id: str
    rail: str
    amount_minor: int
    withheld_minor: int
    state: str
    instructed_at: int
    state_at: int


class Receipt(NamedTuple):
    """A payment of a brand; `amount_minor` is what it paid. The time is microseconds."""

    command_id: str
    at: int
    amount_minor: int


class DayOfDebt(NamedTuple):
    """What a day's rows put on a brand's bill, and what they took off it; `days` is how long ago, at the month's end.

    All rows since the beginning count; both amounts are not negative.
    """

    days: int
    debit_minor: int
    credit_minor: int


StatementFact = (
    AccountOpening | AccountMovement | ContentShare | OrderReversal | PayoutState | Receipt | DayOfDebt
)  # fmt: skip
