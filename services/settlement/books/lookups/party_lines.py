"""The order lines of a KOC: what it earns of each, and which of them have money that is still to come."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown
from services.settlement.books.lookups.line_flags import FLAG_COLUMNS, in_the_way
from services.settlement.books.lookups.open_cases import read_open_cases
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.settling.candidates import OpenCases, named_case

_PLACE = "paid_at, order_id, line_id"
_NEWEST_FIRST = "paid_at DESC, order_id DESC, line_id DESC, buyer_id DESC"
_COLUMNS = f"""
{_PLACE}, buyer_id, brand_id, currency, settle_at, accounts, amounts, settled_accounts, settled_amounts,
{FLAG_COLUMNS}
"""
_CREDITED = ("koc_ids[1] = %(koc)s", "koc_ids[2] = %(koc)s", "koc_ids[3] IS NOT NULL AND koc_ids[3:] @> ARRAY[%(koc)s]")
"""Lines that credit a KOC first, second, or behind two others: each condition has an index, and no line fulfils two."""

IS_CREDITED = " OR ".join(f"EXISTS (SELECT FROM line WHERE {credited})" for credited in _CREDITED)
"""Whether some line credits the KOC `koc`."""

_IS_PENDING = "accounts && %(pending)s::int[]"
_HAS_PENDING = """
SELECT EXISTS (SELECT FROM account a JOIN balance b ON b.account_id = a.id WHERE a.key = %s AND b.amount_minor <> 0)
"""
_ACCOUNTS = "SELECT id, key FROM account WHERE key = ANY(%s)"


class KocLine(NamedTuple):
    """A line that credits a KOC, with what it has of it. Amounts are minor units, times microseconds.

    Attributes:
        pending_minor: earned, and not settled by a run yet.
        settled_minor: what runs have settled.
        owed_minor: what of that is claimed back.
        settle_at: when a run may settle what is pending; None = that is not known yet, or nothing is pending.
        in_the_way: what stops runs, a word of BLOCKING_REASONS: what the line itself says, then an open dispute or
            hold of its order or of it, where something is pending; None = neither.
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


def koc_lines(
    connection: Connection, koc_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[KocLine]:
    """Lines that credit a KOC, those paid last first; a key is (paid_at, order_id, line_id, rows shown)."""
    return _lines(connection, koc_id, "true", after, limit)


def pending_lines(
    connection: Connection, koc_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[KocLine]:
    """Lines with money that is pending for a KOC, those paid last first; a key as of `koc_lines`."""
    [(has_pending,)] = psycopg_of(connection).execute(_HAS_PENDING, (chart.pending_of(f"koc:{koc_id}"),)).fetchall()
    if not has_pending:  # else all of its lines were read, to find none
        return KeysetPage([], None)
    return _lines(connection, koc_id, _IS_PENDING, after, limit)


def _lines(
    connection: Connection, koc_id: str, condition: str, after: PageKey | None, limit: int
) -> KeysetPage[KocLine]:
    """Lines that credit a KOC and fulfil a condition, those paid last first."""
    raw = psycopg_of(connection)
    party = f"koc:{koc_id}"
    keys = [chart.pending_of(party), chart.payable(party), chart.clawback(party)]
    accounts = dict(raw.execute(_ACCOUNTS, (keys,)).fetchall())
    skipped = rows_shown(after)
    parameters: dict[str, Any] = {"koc": koc_id, "limit": limit + 1, "skipped": skipped, "some": skipped + limit + 1}
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
    cases = read_open_cases(raw)
    lines = [_koc_line(row, accounts, keys, cases) for row in rows]
    return page_of_order_lines(lines, limit, lambda one: one.place, after)


def _koc_line(row: Sequence[Any], accounts: Mapping[int, str], keys: Sequence[str], cases: OpenCases) -> KocLine:
    paid_at, order_id, line_id, _buyer_id, brand_id, currency, settle_at = row[:7]
    ids, amounts, settled_ids, settled_amounts = row[7:11]
    booked = {accounts.get(number): amount for number, amount in zip(ids, amounts, strict=True)}
    settled = {accounts.get(number): amount for number, amount in zip(settled_ids, settled_amounts, strict=True)}
    pending, payable, owed = keys
    pending_minor = -booked.get(pending, 0)
    return KocLine(
        order_id,
        line_id,
        brand_id,
        currency,
        to_micros(paid_at),
        pending_minor=pending_minor,
        settled_minor=settled.get(payable, 0),
        owed_minor=booked.get(owed, 0),
        settle_at=None if settle_at is None else to_micros(settle_at),
        in_the_way=in_the_way(row[11:]) or (named_case(cases, order_id, line_id) if pending_minor else None),
    )
