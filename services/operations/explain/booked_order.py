"""What the books hold of one order, read in one snapshot."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from services.kernel.time import to_micros
from services.operations.explain.sources import BookedOrder, NumberedEntry
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.reference import refresh
from services.settlement.books.tables import account, assertion, journal, line, registry_position
from services.settlement.domain.book.entries import KIND_BY_CODE, Entry, Leg
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.price import Reference


def read_booked(connection: Connection, order_id: str) -> BookedOrder:
    """Lines with their assertions, journal entries, and the reference data that prices them.

    Args:
        connection: in a REPEATABLE READ transaction.
        order_id: whose.
    """
    reference = Reference()
    refresh(connection, reference, connection.execute(select(registry_position.c.revision)).scalar_one())
    same = and_(*(line.c[name] == assertion.c[name] for name in ("order_id", "line_id", "buyer_id")))
    lines = connection.execute(
        select(line, assertion.c.raw)
        .join(assertion, same)
        .where(line.c.order_id == order_id)
        .order_by(line.c.line_id, line.c.standing.desc(), line.c.buyer_id)
    ).all()
    rows = connection.execute(
        select(journal).where(journal.c.order_id == order_id).order_by(journal.c.writer, journal.c.seq)
    ).all()
    keys = _account_keys(connection, [*lines, *rows])
    return BookedOrder(
        [(_line(row, keys), decode_credit(bytes(row.raw))) for row in lines],
        [_booked(row, keys) for row in rows],
        reference,
    )


def _account_keys(connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[int, str]:
    """Keys of all accounts that these rows name."""
    ids = {account_id for row in rows for account_id in row.accounts}
    found = connection.execute(select(account.c.id, account.c.key).where(account.c.id.in_(ids)))
    return dict(found.tuples().all())


def _line(row: Row[Any], keys: Mapping[int, str]) -> Line:
    """A stored line; its times of waiting and its hash are nobody's business here."""
    return Line(
        key=(row.order_id, row.line_id, row.buyer_id),
        partition=row.partition,
        paid_at=to_micros(row.paid_at),
        currency=row.currency,
        brand_id=row.brand_id,
        standing=row.standing,
        stored=True,
        vector=tuple(row.vector),
        joined=tuple(row.joined),
        koc_ids=tuple(row.koc_ids),
        revision=row.revision,
        unpriced=row.unpriced,
        unpriced_minor=row.unpriced_minor,
        quarantined=row.quarantined,
        booked={keys[one]: amount for one, amount in zip(row.accounts, row.amounts, strict=True)},
        booked_steps=tuple(row.booked_steps),
    )


def _booked(row: Row[Any], keys: Mapping[int, str]) -> NumberedEntry:
    """A journal row."""
    entry = Entry(
        idem_key=row.idem_key,
        cause=row.cause,
        kind=KIND_BY_CODE[row.kind],
        currency=row.currency,
        period=row.period,
        effective_at=to_micros(row.effective_at),
        order_id=row.order_id,
        line_id=row.line_id,
        corrects=row.corrects,
        legs=tuple(Leg(keys[one], amount) for one, amount in zip(row.accounts, row.amounts, strict=True)),
    )
    return NumberedEntry(f"{row.writer}-{row.seq}", entry)
