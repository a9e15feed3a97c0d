"""Where explanations are looked up: the books in one snapshot, and the orders topic for what they do not know."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, select

from schemas import decoding
from schemas.orders import OrderPaid
from schemas.topics import CREDITS, ORDERS
from services.kernel.time import to_micros
from services.operations.drain.positions import LivePositions
from services.operations.explain.explain import Booked, Explained, Known, Published, explain
from services.operations.explain.log_search import records_naming
from services.operations.explain.touches import LiveTouches
from services.operations.explain.why_not import Asked, Rulebook, WhyNot, why_not
from services.runtime.database import engine
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.reference import refresh
from services.settlement.books.tables import account, assertion, journal, line, registry_position
from services.settlement.domain.book.entries import KIND_BY_CODE, Entry, Leg
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.price import Reference


class LiveLibrary:
    """`explain.Library` of the running service, as the reader role."""

    def __init__(self) -> None:
        self._engine: Engine = engine("reader").execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def known(self, order_id: str) -> Known:
        """Everything from one snapshot."""
        with self._engine.connect() as connection:
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
        return Known(
            [(_line(row, keys), decode_credit(bytes(row.raw))) for row in lines],
            [_booked(row, keys) for row in rows],
            reference,
        )

    def published(self, order_id: str) -> Published:
        """Reads the orders topic once, raw; only records that hold the order's name are decoded."""
        events, refused, paid = 0, None, None
        seen: dict[int, int] = {}
        for partition, offset, value in records_naming(order_id, ORDERS.name, range(ORDERS.partitions)):
            try:
                event: Any = decoding.read(ORDERS.name, value)
            except decoding.InvalidEvent as invalid:
                if _order_of(value) == order_id:
                    events, refused = events + 1, str(invalid)
                continue
            if event.order_id != order_id:
                continue
            events += 1
            seen[partition] = offset
            if isinstance(event, OrderPaid):
                paid = event
        on_its_way = _on_its_way(order_id, seen)
        if paid is None:
            return Published(events, None, None, refused, on_its_way)
        return Published(events, to_micros(paid.occurred_at), paid.buyer_id, None, on_its_way)


def _on_its_way(order_id: str, seen: Mapping[int, int]) -> bool:
    """Whether attribution has not read an event of these offsets yet, or the books a credit of the order.

    Args:
        order_id: whose.
        seen: the offset of its last event, by partition.
    """
    if not seen:
        return False
    with LivePositions() as positions:
        read = positions.reached().offsets
    if any(offset >= read[ORDERS.name, partition] for partition, offset in seen.items()):
        return True
    starts = {partition: read[CREDITS.name, partition] for partition in seen}
    return any(True for _ in records_naming(order_id, CREDITS.name, seen, starts))


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


def _booked(row: Row[Any], keys: Mapping[int, str]) -> Booked:
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
    return Booked(f"{row.writer}-{row.seq}", entry)


def _order_of(value: bytes) -> object:
    """The order that an invalid record names, as far as it can be read."""
    try:
        event = json.loads(value)
    except ValueError:
        return None
    return event.get("order_id") if isinstance(event, dict) else None


def explain_order(order_id: str) -> Explained:
    """Explain an order of the running service.

    Raises:
        NotExplained: the books know nothing of it; one sentence says why.
    """
    return explain(order_id, LiveLibrary())


def answer_why_not(order_id: str, asked: Asked, rulebook: Rulebook) -> WhyNot:
    """What became of a content or KOC in an order of the running service.

    Raises:
        NotExplained: neither the books nor the orders topic have such a paid order; one sentence says why.
    """
    return why_not(order_id, asked, LiveLibrary(), LiveTouches(), rulebook)
