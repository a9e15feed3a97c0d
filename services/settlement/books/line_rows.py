"""Line rows, said once: their columns, a stored row as the domain's line, and a line as a row of COPY."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import format_repeated_rfc3339, to_micros
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import NULL, bytea, identifiers, integers, text
from services.settlement.books.settled_columns import grants_text, read_grants, read_shares, shares_texts
from services.settlement.books.tables import due
from services.settlement.books.tables import line as table
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import NO_GRANTS

LINE_COLUMNS = ", ".join(table.columns.keys())
KEY_COLUMNS = tuple(table.primary_key.columns.keys())
DUE_COLUMNS = ", ".join(due.columns.keys())
_FIXED = {*KEY_COLUMNS, "partition", "standing"}
CHANGING_COLUMNS = tuple(name for name in table.columns.keys() if name not in _FIXED)  # noqa: SIM118 - no dict
"""What a later assertion or price changes; `standing` changes by a statement of its own."""
_NEVER_SETTLED = f"{NULL}\t{{}}\t{{}}\t{NULL}"
"""The last columns of a line that no run has settled."""


def read_line(row: Sequence[Any], accounts: AccountIds, terms: TermsIds) -> Line:
    """A row of LINE_COLUMNS as the domain's line."""
    below_since, settle_at = row[7], row[22]
    line = Line(
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
        first_seq=row[21],
    )
    if settle_at is not None:
        line.settle_at = line.due_at = to_micros(settle_at)
    if row[23] is not None:
        line.terms = terms.get(row[23])
    if row[24]:
        line.settled = read_shares(row[24], row[25], accounts)
    if row[26] is not None:
        line.grants = read_grants(row[26])
    return line


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
    first_seq = NULL if line.first_seq is None else line.first_seq
    settle_at = NULL if line.settle_at is None else format_repeated_rfc3339(line.settle_at)
    settled = _NEVER_SETTLED
    if line.terms is not None or line.settled or line.grants is not NO_GRANTS:
        terms = NULL if line.terms is None else line.terms.id
        settled = f"{terms}\t{shares_texts(line.settled, of)}\t{grants_text(line.grants)}"
    return (
        f"{order_id}\t{line_id}\t{buyer_id}\t{line.partition}\t{line.standing}\t{vector}\t{joined}\t{below_since}\t"
        f"{bytea(line.content_hash)}\t{line.brand_id}\t{identifiers(line.koc_ids)}\t{format_repeated_rfc3339(line.paid_at)}\t"
        f"{line.currency}\t{line.revision}\t{unpriced}\t{line.unpriced_minor}\t{quarantined}\t{ids}\t"
        f"{integers(line.booked.values())}\t{identifiers(line.booked_steps)}\t{set_aside}\t"
        f"{first_seq}\t{settle_at}\t{settled}"
    )


def due_row(line: Line, settle_at: int) -> str:
    """A hint that a line is to be settled, as a row of COPY to DUE_COLUMNS."""
    order_id, line_id, buyer_id = line.key
    day = format_repeated_rfc3339(settle_at)[: len("2026-11-01")]
    return f"{line.partition}\t{day}\t{order_id}\t{line_id}\t{buyer_id}"
