"""Line rows, said once: their columns, a stored row as the domain's line, and a line as a row of COPY."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import format_rfc3339, to_micros
from services.settlement.books import copy_format
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import bytea, integers, text, texts
from services.settlement.books.tables import line as table
from services.settlement.domain.lines.line import Line

LINE_COLUMNS = ", ".join(table.columns.keys())
KEY_COLUMNS = tuple(table.primary_key.columns.keys())
_FIXED = {*KEY_COLUMNS, "partition", "standing"}
CHANGING_COLUMNS = tuple(name for name in table.columns.keys() if name not in _FIXED)  # noqa: SIM118 - no dict
"""What a later assertion or price changes; `standing` changes by a statement of its own."""


def read_line(row: Sequence[Any], accounts: AccountIds) -> Line:
    """A row of LINE_COLUMNS as the domain's line."""
    below_since = row[7]
    return Line(
        key=(row[0], row[1], row[2]),
        partition=row[3],
        standing=row[4],
        stored=True,
        vector=tuple(row[5]),
        joined=tuple(row[6]),
        below_since=None if below_since is None else to_micros(below_since),
        content_hash=bytes(row[8]),
        brand_id=row[9],
        koc_ids=tuple(row[10]),
        paid_at=to_micros(row[11]),
        currency=row[12],
        revision=row[13],
        unpriced=row[14],
        unpriced_minor=row[15],
        quarantined=row[16],
        booked=accounts.position(row[17], row[18]),
        booked_steps=tuple(row[19]),
        set_aside=row[20],
    )


def copy_row(line: Line, accounts: AccountIds) -> str:
    """A line as a row of COPY, its columns in the order of LINE_COLUMNS; its accounts exist."""
    order_id, line_id, buyer_id = line.key
    below_since = copy_format.NULL if line.below_since is None else format_rfc3339(line.below_since)
    of = accounts.of(line.currency)
    ids = integers([of[key] for key in line.booked])
    return (
        f"{text(order_id)}\t{text(line_id)}\t{text(buyer_id)}\t{line.partition}\t{line.standing}\t"
        f"{integers(line.vector)}\t{integers(line.joined)}\t{below_since}\t{bytea(line.content_hash)}\t"
        f"{text(line.brand_id)}\t{texts(line.koc_ids)}\t{format_rfc3339(line.paid_at)}\t{line.currency}\t"
        f"{line.revision}\t{text(line.unpriced)}\t{line.unpriced_minor}\t{text(line.quarantined)}\t"
        f"{ids}\t{integers(line.booked.values())}\t{texts(line.booked_steps)}\t"
        f"{text(line.set_aside)}"
    )
