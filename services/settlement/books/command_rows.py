"""Rows of the table `command`, said once: read in order, looked up, and added."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from services.kernel.time import to_datetime, to_micros
from services.settlement.books import tables
from services.settlement.domain.book.commands import ChainedCommand, Command
from services.settlement.domain.book.entries import GENESIS, Link

COMMAND_COLUMNS = ", ".join(tables.command.columns.keys())
_TABLE = tables.command


def read_command(row: Any) -> ChainedCommand:
    """A row of COMMAND_COLUMNS as the database gives it."""
    seq, name, kind, by, reason, body, point, result, at, prev_hash, digest = row
    command = Command(name, kind, by, reason, to_micros(at), body, point, result)
    return ChainedCommand(command, seq, bytes(prev_hash), bytes(digest))


def read_commands(connection: Connection) -> Iterator[ChainedCommand]:
    """All commands by number."""
    for row in connection.execute(select(_TABLE).order_by(_TABLE.c.seq)):
        yield read_command(row)


def find_command(connection: Connection, command_id: str) -> ChainedCommand | None:
    """The command of this id."""
    row = connection.execute(select(_TABLE).where(_TABLE.c.id == command_id)).one_or_none()
    return None if row is None else read_command(row)


def find_approval(connection: Connection, proposal_id: str) -> ChainedCommand | None:
    """The command that posted a proposal."""
    is_approval = _TABLE.c.body["proposal"].astext == proposal_id
    row = connection.execute(select(_TABLE).where(_TABLE.c.kind == "adjustment.posted", is_approval)).one_or_none()
    return None if row is None else read_command(row)


def last_command(connection: Connection) -> Link:
    """What the next command is chained to; the lock of writer N keeps it still."""
    wanted = select(_TABLE.c.seq, _TABLE.c.hash).order_by(_TABLE.c.seq.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return GENESIS if row is None else Link(row.seq, bytes(row.hash))


def command_row(recorded: ChainedCommand) -> dict[str, Any]:
    """A command as a row."""
    command = recorded.command
    return {
        "seq": recorded.seq, "id": command.id, "kind": command.kind, "by": command.by, "reason": command.reason,
        "body": command.body, "point": command.point, "result": command.result, "at": to_datetime(command.at),
        "prev_hash": recorded.prev_hash, "hash": recorded.hash,
    }  # fmt: skip


def add_command(connection: Connection, recorded: ChainedCommand) -> None:
    """Add a row; the database refuses one that is not who gave it, when, or what follows the last."""
    connection.execute(insert(_TABLE), command_row(recorded))
