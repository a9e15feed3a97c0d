"""What the books hold of one order, read in one snapshot."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from services.kernel.errors import InvariantBroken, Refused
from services.kernel.identifiers import line_key
from services.operations.explain.sources import BookedOrder, ExplainableAssertion
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import JournalRow, Names, chained
from services.settlement.books.line_rows import KEY_COLUMNS, read_line
from services.settlement.books.order_runs import RunSubjects, read_order_runs
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.reference import refresh
from services.settlement.books.tables import account, assertion, journal, line, registry_position
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.place import owed_by


def read_booked(connection: Connection, order_id: str) -> BookedOrder:
    """Lines with their assertions, journal entries, and the reference data that prices them.

    Args:
        connection: in a REPEATABLE READ transaction.
        order_id: whose.

    Raises:
        InvariantBroken: a row cannot be read.
    """
    reference = Reference()
    refresh(connection, reference, connection.execute(select(registry_position.c.revision)).scalar_one())
    same = and_(*(line.c[name] == assertion.c[name] for name in KEY_COLUMNS))
    lines = connection.execute(
        select(line, assertion.c.raw)
        .join(assertion, same)
        .where(line.c.order_id == order_id)
        .order_by(line.c.line_id, line.c.standing.desc(), line.c.buyer_id)
    ).all()
    entries = connection.execute(
        select(journal).where(journal.c.order_id == order_id).order_by(journal.c.writer, journal.c.seq)
    ).all()
    rows = [JournalRow.read(row) for row in entries]
    raw = psycopg_of(connection)
    accounts, terms = AccountIds(raw), TermsIds(raw)
    known = [(read_line(row, accounts, terms), _assertion(row)) for row in lines]
    partitions = {line.partition for line, _ in known}
    about = RunSubjects(
        {credit.content_id for _, told in known for credit in told.credits},
        {claimant for line, _ in known for claimant in owed_by(line.booked, line.settled) | line.settled},
    )
    return BookedOrder(
        known,
        [one.recorded for one in chained(rows, _names(connection, rows))],
        reference,
        read_order_runs(raw, accounts, order_id, partitions, about),
    )


def _assertion(row: Row[Any]) -> ExplainableAssertion:
    """The assertion that a line accepted."""
    try:
        return decode_credit(bytes(row.raw))
    except Refused as refused:
        name = line_key(row.order_id, row.line_id, row.buyer_id)
        raise InvariantBroken(f"the assertion of line {name} cannot be read ({refused})") from None


def _names(connection: Connection, rows: Sequence[JournalRow]) -> Names:
    """Keys and currencies of all accounts that these rows name."""
    ids = {account_id for row in rows for account_id in row.accounts}
    found = connection.execute(select(account.c.id, account.c.key, account.c.currency).where(account.c.id.in_(ids)))
    return {number: (key, currency) for number, key, currency in found}
