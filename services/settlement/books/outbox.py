"""What the books hold that its topic has not acknowledged yet: entries, commands and statements."""

from sqlalchemy import Connection, func, select

from services.settlement.books import tables
from services.settlement.books.statement_rows import unpublished_statements


def unpublished_entries(connection: Connection) -> dict[int, int]:
    """Entries that are booked and not acknowledged by the ledger topic, by writer."""
    writer, relay = tables.writer.c, tables.relay.c
    wanted = (
        select(writer.partition, writer.seq - func.coalesce(relay.seq, 0))
        .outerjoin(tables.relay, relay.writer == writer.partition)
        .where(writer.seq != func.coalesce(relay.seq, 0))
    )
    return dict(connection.execute(wanted).all())


def count_unpublished_commands(connection: Connection) -> int:
    """Commands that are recorded and not acknowledged by the commands topic."""
    recorded = select(func.coalesce(func.max(tables.command.c.seq), 0)).scalar_subquery()
    return int(connection.execute(select(recorded - tables.command_relay.c.seq)).scalar_one())


def count_unpublished_statements(connection: Connection) -> int:
    """Statements of complete closes that are not acknowledged by the statements topic."""
    return connection.execute(unpublished_statements()).scalar_one()
