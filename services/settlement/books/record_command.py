"""Record a command in the transaction that takes effect; the same command again gives the first result."""

from typing import Any

from sqlalchemy import Connection, select, text

from services.kernel.errors import InputRefused
from services.kernel.time import format_to_second
from services.settlement.books import tables
from services.settlement.books.command_rows import add_command, find_command, last_command
from services.settlement.domain.book.commands import (
    ChainedCommand,
    Command,
    CommandDraft,
    JsonObject,
    canonical_json,
    chain_command,
)


def find_recorded(connection: Connection, draft: CommandDraft) -> ChainedCommand | None:
    """The same command as it was recorded before; None = it is new.

    Args:
        connection: within a transaction that holds writer N, if the answer has to hold until its end.
        draft: the reason may differ.

    Raises:
        InputRefused: another command has this id.
    """
    earlier = find_command(connection, draft.id)
    if earlier is None:
        return None
    stands = earlier.command
    if stands.kind != draft.kind or canonical_json(stands.body) != canonical_json(draft.body):
        raise InputRefused(
            f"the id {draft.id} belongs to command {earlier.seq}, {stands.kind} of {stands.by} at "
            f"{format_to_second(stands.at)}, which says something else: choose another id"
        )
    return earlier


def record(
    connection: Connection, draft: CommandDraft, at: int, result: JsonObject, point: JsonObject | None
) -> ChainedCommand:
    """Add a command to the chain, under the name of the session's login.

    Args:
        connection: of a login in koc_operator, within a transaction that holds writer N, locked last.
        draft: that `find_recorded` does not know.
        at: the time of the transaction by the database's clock, microseconds.
        result: what came of it.
        point: where the books stood, as `read_point` gives it; None = the result does not depend on that.
    """
    by = connection.execute(text("SELECT session_user")).scalar_one()
    command = Command(draft.id, draft.kind, by, draft.reason, at, draft.body, point, result)
    recorded = chain_command(command, last_command(connection))
    add_command(connection, recorded)
    return recorded


def read_point(connection: Connection) -> dict[str, Any]:
    """Where the books stand: by partition the next offset of the credits, by writer its last number, and so on."""
    table = tables.writer
    wanted = select(table.c.generation, table.c.next_offset, table.c.seq).order_by(table.c.partition)
    writers = connection.execute(wanted).all()
    *lines, _ = writers
    return {
        "generation": max(row.generation for row in lines),
        "credits": [row.next_offset for row in lines],
        "registry": connection.execute(select(tables.registry_position.c.next_offset)).scalar_one(),
        "commands": last_command(connection).seq,
        "seqs": [row.seq for row in writers],
    }
