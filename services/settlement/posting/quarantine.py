"""Freeze an order line at what is booked, by hand; also one that is still to come."""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from schemas.fields import IDENTIFIER_PATTERN
from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.kernel.errors import StartRefused
from services.runtime.database import engine
from services.settlement.books.tables import line, writer
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.vectors import NOTHING

_UNKNOWN: dict[str, Any] = {
    "vector": NOTHING, "joined": NOTHING, "content_hash": b"", "brand_id": "", "koc_ids": [], "revision": 0,
    "paid_at": datetime(1970, 1, 1, tzinfo=UTC), "currency": "XXX", "accounts": [], "amounts": [], "booked_steps": [],
}  # fmt: skip
"""What a line is before its first assertion says more; XXX is ISO 4217's code for no currency."""


def freeze(name: str, reason: str) -> bool:
    """Quarantine a line: its assertions are still folded and kept, but nothing of it is booked any more.

    The row of its writer is locked first, so that a batch under way neither overwrites the freeze nor is missed by it.

    Args:
        name: ORDER/LINE/BUYER.
        reason: for a person.

    Returns:
        Whether the books know the line; if not, it will be frozen at nothing when it comes.

    Raises:
        StartRefused: the name is not one of a line.
    """
    key = _key(name)
    partition = partition_of(key[2].encode(), CREDITS.partitions)
    is_it = (line.c.order_id == key[0], line.c.line_id == key[1], line.c.buyer_id == key[2])
    with engine("writer").begin() as connection:
        connection.execute(select(writer.c.partition).where(writer.c.partition == partition).with_for_update())
        is_known = connection.execute(update(line).where(*is_it).values(quarantined=reason)).rowcount == 1
        if not is_known:
            _insert(connection, key, partition, reason)
    return is_known


def _key(name: str) -> Key:
    parts = name.split("/")
    if len(parts) != 3 or not all(re.match(IDENTIFIER_PATTERN, part) for part in parts):
        raise StartRefused(f"{name!r} names no line: LINE is ORDER/LINE/BUYER, as in `koc explain` and idem_key")
    return parts[0], parts[1], parts[2]


def _insert(connection: Connection, key: Key, partition: int, reason: str) -> None:
    """A row for a line that is still to come; it stands unless another buyer's line does."""
    order_id, line_id, buyer_id = key
    others = select(line.c.buyer_id).where(line.c.order_id == order_id, line.c.line_id == line_id, line.c.standing)
    names = {"order_id": order_id, "line_id": line_id, "buyer_id": buyer_id}
    is_first = connection.execute(others).first() is None
    row = {**_UNKNOWN, **names, "partition": partition, "standing": is_first, "quarantined": reason}
    connection.execute(insert(line).values(row))
