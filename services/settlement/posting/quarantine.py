"""Freeze an order line at what is booked, by hand."""

from sqlalchemy import update

from services.kernel.errors import StartRefused
from services.runtime.database import engine
from services.settlement.books.tables import line


def freeze(name: str, reason: str) -> None:
    """Quarantine a line: its assertions are still folded and kept, but nothing of it is booked any more.

    Args:
        name: ORDER/LINE/BUYER.
        reason: for a person.

    Raises:
        StartRefused: no such line.
    """
    order_id, _, rest = name.partition("/")
    line_id, _, buyer_id = rest.partition("/")
    freezing = (
        update(line)
        .where(line.c.order_id == order_id, line.c.line_id == line_id, line.c.buyer_id == buyer_id)
        .values(quarantined=reason)
    )
    with engine("writer").begin() as connection:
        if connection.execute(freezing).rowcount == 0:
            raise StartRefused(f"there is no line {name}: LINE is ORDER/LINE/BUYER, as in `koc explain` and idem_key")
