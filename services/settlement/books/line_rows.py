"""Line rows, said once: their columns, a stored row as the domain's line, and a line as a row of COPY."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import format_repeated_rfc3339, to_micros
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import NULL, bytea, identifiers, integers, text
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
    """A line as a row of COPY, its columns in the order of LINE_COLUMNS; its accounts exist.

    Identifiers go in as they are: their alphabet (schemas.fields) has nothing that COPY or an array would escape.
    """
    order_id, line_id, buyer_id = line.key
    log, rules, touch, order = line.vector
    vector = f"{{{log},{rules},{touch},{order}}}"
    joined = vector if line.joined == line.vector else integers(line.joined)
    below_since = NULL if line.below_since is None else format_repeated_rfc3339(line.below_since)
    of = accounts.of(line.currency)
    ids = integers([of[key] for key in line.booked])
    unpriced = NULL if line.unpriced is None else text(line.unpriced)
    quarantined = NULL if line.quarantined is None else text(line.quarantined)
    set_aside = NULL if line.set_aside is None else text(line.set_aside)
    return (
        f"{order_id}\t{line_id}\t{buyer_id}\t{line.partition}\t{line.standing}\t{vector}\t{joined}\t{below_since}\t"
        f"{bytea(line.content_hash)}\t{line.brand_id}\t{identifiers(line.koc_ids)}\t{format_repeated_rfc3339(line.paid_at)}\t"
        f"{line.currency}\t{line.revision}\t{unpriced}\t{line.unpriced_minor}\t{quarantined}\t{ids}\t"
        f"{integers(line.booked.values())}\t{identifiers(line.booked_steps)}\t{set_aside}"
    )
