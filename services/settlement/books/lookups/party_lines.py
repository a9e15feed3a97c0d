"""The order lines of a KOC: what it earns of each, and what of its money is still to come, and when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown
from services.settlement.books.lookups.line_flags import FLAG_COLUMNS, in_the_way
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart

_PLACE = "paid_at, order_id, line_id"
_NEWEST_FIRST = "paid_at DESC, order_id DESC, line_id DESC, buyer_id DESC"
_COLUMNS = f"""
{_PLACE}, buyer_id, brand_id, currency, settle_at, accounts, amounts, settled_accounts, settled_amounts,
{FLAG_COLUMNS}
"""
_CREDITED = ("koc_ids[1] = %(koc)s", "koc_ids[2] = %(koc)s", "koc_ids[3] IS NOT NULL AND koc_ids[3:] @> ARRAY[%(koc)s]")
"""Lines that credit a KOC first, second, or behind two others: each condition has an index, and no line fulfils two."""

_IS_COMING = "accounts && %(pending)s::int[] AND paid_at >= %(since)s"
_ACCOUNTS = "SELECT id, key FROM account WHERE key = ANY(%s)"
_PENDING = """
SELECT a.id, a.currency, -b.amount_minor FROM account a JOIN balance b ON b.account_id = a.id WHERE a.key = %s
ORDER BY a.currency
"""
_WAITING = (
    "SELECT currency, settle_at, accounts, amounts FROM line WHERE paid_at >= %(since)s AND settle_at IS NOT NULL"
)
_DAYS = f"""
SELECT line.currency, (settle_at AT TIME ZONE 'UTC' + make_interval(mins => zone_minutes))::date, count(*)::int,
  -sum(leg.amount)::bigint
FROM (
  SELECT first.* FROM unnest(%(kocs)s::text[]) AS koc CROSS JOIN LATERAL ({_WAITING} AND koc_ids[1] = koc) first
  UNION ALL SELECT second.* FROM unnest(%(kocs)s::text[]) AS koc
  CROSS JOIN LATERAL ({_WAITING} AND koc_ids[2] = koc AND koc_ids[1] <> ALL(%(kocs)s)) second
  UNION ALL {_WAITING} AND koc_ids[3] IS NOT NULL AND koc_ids[3:] && %(kocs)s::text[]
    AND koc_ids[1] <> ALL(%(kocs)s) AND koc_ids[2] <> ALL(%(kocs)s)
) AS line, registry_position, unnest(accounts, amounts) AS leg (account_id, amount)
WHERE leg.account_id = ANY(%(pending)s) GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - column names of ours
_MEMBERS = """
SELECT DISTINCT body ->> 'koc_id' FROM reference WHERE kind = 'relation.set' AND body -> 'parties' ->> %s = %s
"""

COMING_DAYS = 60
"""Lines that were paid earlier than this and are still pending are stuck: they wait for a person, not for a day."""


class KocLine(NamedTuple):
    """A line that credits a KOC, with what it has of it. Amounts are minor units, times microseconds.

    Attributes:
        pending_minor: earned, and not settled by a run yet.
        settled_minor: what runs have settled.
        owed_minor: what of that is claimed back.
        settle_at: when a run may settle what is pending; None = that is not known yet, or nothing is pending.
        in_the_way: what stops runs: "not_standing", "below_join", "unpriced", "set_aside", "quarantined"; None =
            nothing that the line itself says.
    """

    order_id: str
    line_id: str
    brand_id: str
    currency: str
    paid_at: int
    pending_minor: int
    settled_minor: int
    owed_minor: int
    settle_at: int | None
    in_the_way: str | None

    @property
    def place(self) -> PageKey:
        """Where its order line stands in a list."""
        return self.paid_at, self.order_id, self.line_id


class ComingDay(NamedTuple):
    """Pending money of a party by the day from which a run may settle it (a day of the settlement zone).

    Attributes:
        day: None = the rest of what is pending: of lines that are not received, or were paid too long ago, and of
            script fees, which wait for the next run.
        lines: how many; None = that is not counted.
    """

    currency: str
    day: date | None
    lines: int | None
    amount_minor: int


def koc_lines(
    connection: Connection, koc_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[KocLine]:
    """Lines that credit a KOC, those paid last first; a key is (paid_at, order_id, line_id, rows shown)."""
    return _lines(connection, koc_id, "true", after, limit)


def coming_lines(
    connection: Connection, koc_id: str, after: PageKey | None = None, limit: int = 50, since: int | None = None
) -> KeysetPage[KocLine]:
    """Lines with money that is pending for a KOC, those paid last first; a key as of `koc_lines`.

    Args:
        connection: of the reader role.
        koc_id: whose.
        after: the key of the page before.
        limit: rows a page.
        since: when the earliest of them was paid, microseconds; None = COMING_DAYS ago.
    """
    return _lines(connection, koc_id, _IS_COMING, after, limit, since)


def coming_days(connection: Connection, koc_id: str, since: int | None = None) -> list[ComingDay]:
    """What is pending for a KOC: by currency and by the day from which runs may settle it, the rest last.

    Args:
        connection: of the reader role.
        koc_id: whose.
        since: lines that were paid earlier, in microseconds, go to the rest; None = COMING_DAYS ago.
    """
    return _days(connection, f"koc:{koc_id}", [koc_id], since)


def coming_days_of(connection: Connection, party: str, since: int | None = None) -> list[ComingDay]:
    """The same for a party of any role (`ROLE:ID`), by the lines of all KOCs that a relation ever gave to it."""
    role, _, name = party.partition(":")
    members = psycopg_of(connection).execute(_MEMBERS, (role, name)).fetchall()
    return _days(connection, party, [koc_id for (koc_id,) in members], since)


def _days(connection: Connection, party: str, kocs: Sequence[str], since: int | None) -> list[ComingDay]:
    """What lines of these KOCs say of a party's pending money, and what is left of its balances."""
    raw = psycopg_of(connection)
    balances = raw.execute(_PENDING, (chart.pending_of(party),)).fetchall()
    wanted = {"kocs": list(kocs), "since": _since(since), "pending": [account for account, _, _ in balances]}
    days = [ComingDay(*row) for row in raw.execute(_DAYS, wanted, prepare=False).fetchall()]
    found = []
    for _, currency, amount in balances:
        own = [day for day in days if day.currency == currency]
        rest = amount - sum(day.amount_minor for day in own)
        found += [*own, *([ComingDay(currency, None, None, rest)] if rest else [])]
    return found


def _since(since: int | None) -> datetime:
    return datetime.now(UTC) - timedelta(days=COMING_DAYS) if since is None else to_datetime(since)


def _lines(
    connection: Connection, koc_id: str, condition: str, after: PageKey | None, limit: int, since: int | None = None
) -> KeysetPage[KocLine]:
    """Lines that credit a KOC and fulfil a condition, those paid last first."""
    raw = psycopg_of(connection)
    party = f"koc:{koc_id}"
    keys = [chart.pending_of(party), chart.payable(party), chart.clawback(party)]
    accounts = dict(raw.execute(_ACCOUNTS, (keys,)).fetchall())
    skipped = rows_shown(after)
    parameters: dict[str, Any] = {"koc": koc_id, "limit": limit + 1, "skipped": skipped, "since": _since(since)}
    parameters["some"] = skipped + limit + 1
    parameters["pending"] = [number for number, key in accounts.items() if key == keys[0]]
    if after is not None:
        condition += f" AND ({_PLACE}) <= (%(paid_at)s, %(order_id)s, %(line_id)s)"
        paid_at, order_id, line_id, _ = after
        parameters |= {"paid_at": to_datetime(int(paid_at)), "order_id": order_id, "line_id": line_id}
    some = " UNION ALL ".join(
        f"(SELECT {_COLUMNS} FROM line WHERE {credited} AND {condition} ORDER BY {_NEWEST_FIRST} LIMIT %(some)s)"  # noqa: S608
        for credited in _CREDITED
    )
    wanted = f"SELECT * FROM ({some}) AS credited ORDER BY {_NEWEST_FIRST} LIMIT %(limit)s OFFSET %(skipped)s"  # noqa: S608
    rows = raw.execute(wanted, parameters, prepare=False).fetchall()
    lines = [_koc_line(row, accounts, keys) for row in rows]
    return page_of_order_lines(lines, limit, lambda one: one.place, after)


def _koc_line(row: Sequence[Any], accounts: Mapping[int, str], keys: Sequence[str]) -> KocLine:
    paid_at, order_id, line_id, _buyer_id, brand_id, currency, settle_at = row[:7]
    ids, amounts, settled_ids, settled_amounts = row[7:11]
    booked = {accounts.get(number): amount for number, amount in zip(ids, amounts, strict=True)}
    settled = {accounts.get(number): amount for number, amount in zip(settled_ids, settled_amounts, strict=True)}
    pending, payable, owed = keys
    return KocLine(
        order_id,
        line_id,
        brand_id,
        currency,
        to_micros(paid_at),
        pending_minor=-booked.get(pending, 0),
        settled_minor=settled.get(payable, 0),
        owed_minor=booked.get(owed, 0),
        settle_at=None if settle_at is None else to_micros(settle_at),
        in_the_way=in_the_way(row[11:]),
    )
