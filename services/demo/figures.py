"""What the demo shows of the books: counts and sums, in CNY minor units where nothing else is said."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from services.demo.conversion_paths import LAST_CLICK
from services.settlement.domain.book.entries import KIND_BY_CODE, Kind

CURRENCY = "CNY"
MONEY_ROWS = (
    ("brands owe, not billed yet", "brand:%:accrued", 1),
    ("brands are billed", "brand:%:receivable", 1),
    ("parties: pending", "%:pending", -1),
    ("parties: payable", "%:payable", -1),
    ("parties: held", "%:held", -1),
    ("parties owe back", "clawback:%", 1),
    ("payouts: in transit", "payout:%:in_transit", -1),
    ("payouts: paid by our bank", "bank:main", -1),
    ("our fee, deferred", "platform:fee_deferred", -1),
    ("our fee, earned", "platform:fee", -1),
    ("VAT within it", "vat:output", -1),
    ("budgets: committed", "budget:%:committed", 1),
    ("budgets: available", "budget:%:available", 1),
)
"""What the accounts say of the money: a title, the accounts' keys, and the sign of what they hold."""

_TOP_KOCS = text(
    "SELECT split_part(a.key, ':', 2) AS koc, a.currency, -sum(b.amount_minor) AS earned"
    " FROM balance b JOIN account a ON a.id = b.account_id WHERE a.key LIKE :earned"
    " GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 5"
).bindparams(earned="koc:%:pending")
_TOP_DEBTS = text(
    "SELECT substr(a.key, length('clawback:') + 1) AS party, a.currency, b.amount_minor"
    " FROM balance b JOIN account a ON a.id = b.account_id WHERE a.key LIKE :owed AND b.amount_minor > 0"
    " ORDER BY 3 DESC, 1 LIMIT 5"
).bindparams(owed="clawback:%")
_LAST_CLICKS = text(
    "SELECT koc_ids[1] AS koc, count(*) AS conversions FROM line WHERE standing AND order_id LIKE 'path\\_%' GROUP BY 1"
)
_TRIAL_BALANCE = text(
    "SELECT a.currency, coalesce(sum(b.amount_minor) FILTER (WHERE b.amount_minor > 0), 0) AS debit,"
    " coalesce(-sum(b.amount_minor) FILTER (WHERE b.amount_minor < 0), 0) AS credit"
    " FROM balance b JOIN account a ON a.id = b.account_id GROUP BY 1 ORDER BY 1"
)
_MONEY = text(
    "SELECT coalesce(sum(b.amount_minor), 0)::bigint FROM balance b JOIN account a ON a.id = b.account_id"
    " WHERE a.key LIKE :keys AND a.currency = :currency"
)
_KINDS = text(
    "SELECT kind, count(*) AS entries, sum((SELECT sum(leg) FROM unnest(amounts) leg WHERE leg > 0))::bigint AS moved"
    " FROM journal WHERE currency = :currency GROUP BY 1 ORDER BY 1"
)
_CLAWED_BACK = text(
    "SELECT order_id FROM journal WHERE order_id = ANY(:orders) GROUP BY 1"
    " HAVING bool_or(kind = :clawed_back AND cardinality(accounts) >= 6) AND count(DISTINCT line_id) = 1"
)


class PartySum(NamedTuple):
    """What a party has or owes."""

    party: str
    currency: str
    amount_minor: int


class KindSum(NamedTuple):
    """A kind of entry: how many there are, and what they moved (the sum of their debits)."""

    kind: Kind
    entries: int
    moved_minor: int


class CurrencyBalance(NamedTuple):
    """All balances of one currency."""

    currency: str
    debit_minor: int
    credit_minor: int


def top_kocs(books: Connection) -> list[PartySum]:
    """The five KOCs for whom most is pending."""
    return [PartySum(*row) for row in books.execute(_TOP_KOCS)]


def top_debts(books: Connection) -> list[PartySum]:
    """The five parties that owe most back."""
    return [PartySum(*row) for row in books.execute(_TOP_DEBTS)]


def last_clicks(books: Connection) -> Mapping[str, int]:
    """Conversions by channel, of the channels whose published totals we know."""
    counted = {koc.removeprefix("k_"): count for koc, count in books.execute(_LAST_CLICKS)}
    return {channel: counted.get(channel, 0) for channel in LAST_CLICK}


def trial_balance(books: Connection) -> list[CurrencyBalance]:
    """Debits and credits of all accounts, by currency."""
    return [CurrencyBalance(*row) for row in books.execute(_TRIAL_BALANCE)]


def where_the_money_lies(books: Connection) -> list[int]:
    """The sums of MONEY_ROWS."""
    return [
        sign * books.execute(_MONEY, {"keys": keys, "currency": CURRENCY}).scalar_one() for _, keys, sign in MONEY_ROWS
    ]


def entries_by_kind(books: Connection) -> list[KindSum]:
    """All entries, by the codes of their kinds."""
    return [
        KindSum(KIND_BY_CODE[row.kind], row.entries, row.moved) for row in books.execute(_KINDS, {"currency": CURRENCY})
    ]


def clawed_back_order(books: Connection, orders: Sequence[str]) -> str | None:
    """Of some orders the first of one line that was clawed back from KOC, agency and recruiter; None without one."""
    wanted = {"orders": list(orders), "clawed_back": Kind.COMMISSION_CLAWED_BACK.code}
    found = set(books.execute(_CLAWED_BACK, wanted).scalars())
    return next((order for order in orders if order in found), None)
