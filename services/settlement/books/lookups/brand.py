"""What the books know of a brand: its bill, the budgets of its campaigns, and its lines.

Its statements are found as those of the party `brand:ID`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of, page_of_order_lines, rows_shown
from services.settlement.books.lookups.line_flags import FLAG_COLUMNS, in_the_way
from services.settlement.books.lookups.open_cases import read_open_cases
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.settling.candidates import OpenCases, named_case

_BALANCES = """
SELECT a.key, a.currency, b.amount_minor FROM account a JOIN balance b ON b.account_id = a.id
WHERE a.key = ANY(%s) ORDER BY a.currency
"""
_PAID = """
SELECT body ->> 'currency', sum((body ->> 'amount_minor')::bigint)::bigint FROM command
WHERE kind = 'brand.paid' AND body ->> 'brand_id' = %s GROUP BY 1
"""
_BUDGETS = """
SELECT named.campaign_id, a.currency,
  coalesce(-sum(b.amount_minor) FILTER (WHERE a.key = named.limit), 0)::bigint,
  coalesce(sum(b.amount_minor) FILTER (WHERE a.key = named.committed), 0)::bigint,
  coalesce(sum(b.amount_minor) FILTER (WHERE a.key = named.available), 0)::bigint
FROM (
  SELECT campaign_id, format('budget:%%s:limit', campaign_id) AS limit,
    format('budget:%%s:committed', campaign_id) AS committed, format('budget:%%s:available', campaign_id) AS available
  FROM (
    SELECT DISTINCT body ->> 'campaign_id' AS campaign_id FROM reference
    WHERE body ->> 'brand_id' = %s AND body ->> 'campaign_id' >= %s
  ) campaign
) named JOIN account a ON a.key = ANY(ARRAY[named.limit, named.committed, named.available])
JOIN balance b ON b.account_id = a.id
WHERE (named.campaign_id, a.currency) > (%s, %s) GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %s
"""
_ACCOUNTS = "SELECT id, key FROM account WHERE key = ANY(%s)"
_PLACE = "paid_at, order_id, line_id"
_LINES = f"""
SELECT {_PLACE}, koc_ids, currency, settle_at, accounts, amounts, {FLAG_COLUMNS} FROM line
WHERE ARRAY[brand_id] @> ARRAY[%(brand)s] AND paid_at >= %(since)s AND {{behind}}
ORDER BY paid_at DESC, order_id DESC, line_id DESC, buyer_id DESC LIMIT %(limit)s OFFSET %(skipped)s
"""  # noqa: S608 - column names of ours
_BEHIND = f"({_PLACE}) <= (%(paid_at)s, %(order_id)s, %(line_id)s)"
_WINDOWS_DAYS = (1, 8, 60, 480, 36_500)
"""How far back lines are looked for, until there are enough: no index has lines of a brand in their order."""

_MONTHS = """
SELECT DISTINCT ON (s.period, s.currency) s.period, s.revision, s.currency,
  (read.form -> 'receivable' -> 'opening' ->> 'receivable_minor')::bigint,
  (read.form -> 'receivable' -> 'closing' ->> 'receivable_minor')::bigint,
  (SELECT coalesce(sum((receipt ->> 'amount_minor')::bigint), 0)::bigint
   FROM json_array_elements(read.form -> 'receipts') AS receipt)
FROM period_close c JOIN statement s ON s.period = c.period AND s.revision = c.revision AND s.party = %s
CROSS JOIN LATERAL (SELECT s.body::json AS form OFFSET 0) read
WHERE c.root IS NOT NULL ORDER BY s.period DESC, s.currency, s.revision DESC
"""
_VAT = """
SELECT currency, -sum(leg.amount)::bigint FROM line, unnest(line.accounts, line.amounts) AS leg (account_id, amount)
WHERE brand_id = %s AND leg.account_id = ANY(%s) GROUP BY 1 ORDER BY 1
"""
_IS_KNOWN = """
SELECT EXISTS (SELECT FROM account WHERE key = ANY(%(keys)s)) OR EXISTS (
  SELECT FROM reference WHERE kind IN ('plan.published', 'content.registered') AND body ->> 'brand_id' = %(brand)s
) OR EXISTS (SELECT FROM line WHERE brand_id = %(brand)s)
"""


class BrandBill(NamedTuple):
    """What a brand owes in one currency, minor units.

    Attributes:
        accrued_minor: charged for lines that no run has settled yet; on no bill.
        receivable_minor: billed and not paid; below zero the brand has paid ahead.
        paid_minor: what it has paid in all.
    """

    currency: str
    accrued_minor: int
    receivable_minor: int
    paid_minor: int


class BudgetState(NamedTuple):
    """The budget of a campaign in one currency, minor units: the limit, what runs committed of it, and the rest."""

    campaign_id: str
    currency: str
    limit_minor: int
    committed_minor: int
    available_minor: int


class BrandMonth(NamedTuple):
    """What a brand owed at the ends of a closed month, and what it paid in it; minor units of one currency."""

    period: str
    revision: int
    currency: str
    opening_minor: int
    closing_minor: int
    paid_minor: int

    @property
    def billed_minor(self) -> int:
        """What was billed in the month, less what was credited."""
        return self.closing_minor - self.opening_minor + self.paid_minor


class BrandLine(NamedTuple):
    """A line of a brand with what it is charged. Amounts are minor units, times microseconds.

    Attributes:
        accrued_minor: charged and not billed yet.
        billed_minor: billed, less what is credited back.
        settle_at: when a run may settle what is accrued; None = that is not known yet, or nothing is.
        in_the_way: what stops runs, as of `party_lines.KocLine`.
    """

    order_id: str
    line_id: str
    koc_ids: Sequence[str]
    currency: str
    paid_at: int
    accrued_minor: int
    billed_minor: int
    settle_at: int | None
    in_the_way: str | None

    @property
    def place(self) -> PageKey:
        """Where its order line stands in a list."""
        return self.paid_at, self.order_id, self.line_id


def brand_bill(connection: Connection, brand_id: str) -> list[BrandBill]:
    """What a brand owes, by currency; nothing where nothing was ever booked for it."""
    raw = psycopg_of(connection)
    accrued, receivable = chart.brand_accrued(brand_id), chart.brand_receivable(brand_id)
    paid = dict(raw.execute(_PAID, (brand_id,)).fetchall())
    return [
        BrandBill(currency, own.get(accrued, 0), own.get(receivable, 0), paid.get(currency, 0))
        for currency, own in _balances(raw, [accrued, receivable]).items()
    ]


def brand_budgets(
    connection: Connection, brand_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[BudgetState]:
    """Budgets of the campaigns that plans or contents name with this brand; a key is (campaign_id, currency)."""
    campaign_id, currency = after or ("", "")
    wanted = (brand_id, campaign_id, campaign_id, currency, limit + 1)
    rows = psycopg_of(connection).execute(_BUDGETS, wanted).fetchall()
    return page_of([BudgetState(*row) for row in rows], limit, lambda one: (one.campaign_id, one.currency))


def brand_lines(
    connection: Connection, brand_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[BrandLine]:
    """Lines of a brand, those paid last first; a key is (paid_at, order_id, line_id, rows shown)."""
    raw = psycopg_of(connection)
    keys = [chart.brand_accrued(brand_id), chart.brand_receivable(brand_id)]
    accounts = dict(raw.execute(_ACCOUNTS, (keys,)).fetchall())
    parameters: dict[str, Any] = {"brand": brand_id, "limit": limit + 1, "skipped": rows_shown(after)}
    until = datetime.now(UTC)
    if after is not None:
        paid_at, order_id, line_id, _ = after
        until = to_datetime(int(paid_at))
        parameters |= {"paid_at": until, "order_id": order_id, "line_id": line_id}
    wanted = _LINES.format(behind="true" if after is None else _BEHIND)
    rows: Sequence[Sequence[Any]] = []
    for days in _WINDOWS_DAYS:
        parameters["since"] = until - timedelta(days=days)
        rows = raw.execute(wanted, parameters, prepare=False).fetchall()
        if len(rows) > limit:
            break
    cases = read_open_cases(raw)
    lines = [_brand_line(row, accounts, keys, cases) for row in rows]
    return page_of_order_lines(lines, limit, lambda one: one.place, after)


def is_known_brand(connection: Connection, brand_id: str) -> bool:
    """Whether anything was ever booked or published of a brand."""
    keys = [chart.brand_accrued(brand_id), chart.brand_receivable(brand_id)]
    [(is_known,)] = psycopg_of(connection).execute(_IS_KNOWN, {"keys": keys, "brand": brand_id}).fetchall()
    return bool(is_known)


def brand_months(connection: Connection, brand_id: str) -> list[BrandMonth]:
    """Its closed months, the newest first, each by its latest statement."""
    rows = psycopg_of(connection).execute(_MONTHS, (f"brand:{brand_id}",)).fetchall()
    return [BrandMonth(*row) for row in rows]


def brand_vat(connection: Connection, brand_id: str) -> dict[str, int]:
    """VAT within our fee, of all that is billed to a brand, by currency; it reads every line of the brand.

    Script fees are the KOC's alone and have none.
    """
    raw = psycopg_of(connection)
    accounts = [number for number, _ in raw.execute(_ACCOUNTS, ([chart.VAT_OUTPUT],)).fetchall()]
    return dict(raw.execute(_VAT, (brand_id, accounts)).fetchall())


def _balances(raw: Any, keys: Sequence[str]) -> dict[str, dict[str, int]]:
    """Balances by currency and account."""
    found: dict[str, dict[str, int]] = {}
    for key, currency, amount in raw.execute(_BALANCES, (list(keys),)).fetchall():
        found.setdefault(currency, {})[key] = amount
    return found


def _brand_line(row: Sequence[Any], accounts: Mapping[int, str], keys: Sequence[str], cases: OpenCases) -> BrandLine:
    paid_at, order_id, line_id, koc_ids, currency, settle_at, ids, amounts = row[:8]
    booked = {accounts.get(number): amount for number, amount in zip(ids, amounts, strict=True)}
    accrued, receivable = keys
    accrued_minor = booked.get(accrued, 0)
    return BrandLine(
        order_id,
        line_id,
        tuple(koc_ids),
        currency,
        to_micros(paid_at),
        accrued_minor=accrued_minor,
        billed_minor=booked.get(receivable, 0),
        settle_at=None if settle_at is None else to_micros(settle_at),
        in_the_way=in_the_way(row[8:]) or (named_case(cases, order_id, line_id) if accrued_minor else None),
    )
