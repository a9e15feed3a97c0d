"""What a reply reads and writes: payouts with their status, and the rows of payout_reply."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from services.settlement.books.payout_tables import payout, payout_reply
from services.settlement.domain.remittance.replies import AwaitedPayout, PayoutOutcome, ReplyRow

_AWAITED = payout.c.id, payout.c.party, payout.c.currency, payout.c.amount_minor, payout.c.rail, payout.c.status
_REFUSING = (PayoutOutcome.REJECTED, PayoutOutcome.RETURNED)


def awaited_payouts(connection: Connection, ids: Collection[str]) -> dict[str, AwaitedPayout]:
    """Payouts by id, of those ids that there are; RUN keeps the answer true."""
    found = connection.execute(select(*_AWAITED).where(payout.c.id.in_(sorted(ids))))
    return {row.id: AwaitedPayout(*row) for row in found}


def set_outcomes(connection: Connection, outcomes: Mapping[str, PayoutOutcome], registry_offset: int) -> None:
    """Set the status of payouts. One that came back is refused, until it is released or a newer payee is set.

    Args:
        connection: within the transaction of the command.
        outcomes: by payout.
        registry_offset: next of the registry at the command: payee.set from there on is newer.
    """
    for are_refused in (False, True):
        rows = [
            {"name": name, "outcome": outcome.value}
            for name, outcome in outcomes.items()
            if (outcome in _REFUSING) is are_refused
        ]
        change = update(payout).where(payout.c.id == bindparam("name")).values(status=bindparam("outcome"))
        if are_refused:
            change = change.values(refused=True, refused_at=registry_offset)
        if rows:
            connection.execute(change, rows)


def add_reply_rows(
    connection: Connection,
    file_sha256: bytes,
    first: int,
    rows: Sequence[tuple[ReplyRow, str | None]],
    command_id: str,
) -> None:
    """Add rows of a file, each with its finding.

    Args:
        connection: within the transaction of the command.
        file_sha256: of the file.
        first: number of the first of these rows in it, from 1.
        rows: in the file's order; a finding is None where the row was booked.
        command_id: that takes them in.
    """
    connection.execute(insert(payout_reply), list(_columns(file_sha256, first, rows, command_id)))


def _columns(
    file_sha256: bytes, first: int, rows: Iterable[tuple[ReplyRow, str | None]], command_id: str
) -> Iterable[dict[str, object]]:
    for number, (row, finding) in enumerate(rows, start=first):
        said = row._asdict() | {"outcome": row.outcome.value}
        yield said | {"file_sha256": file_sha256, "row": number, "finding": finding, "command": command_id}
