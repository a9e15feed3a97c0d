"""The relay's one database connection: the election, what is not published yet, and how far each writer is.

Everything goes through the connection that holds the election's advisory lock: when it breaks, the relay can neither
read nor store any more, so a relay that lost the election cannot go on without noticing.
"""

from typing import Any, NamedTuple

import psycopg

from services.kernel.errors import InvariantBroken
from services.runtime.database import URL_VARIABLES, login_as_sentence, psycopg_dsn
from services.settlement.books.command_rows import COMMAND_COLUMNS, read_command
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.journal_rows import JOURNAL_COLUMNS, JournalRow
from services.settlement.books.statement_rows import NUMBERED, read_statement
from services.settlement.books.traced_entries import TRACED, read_traced
from services.settlement.domain.book.commands import ChainedCommand, CommandKind
from services.settlement.domain.book.entries import GENESIS, Link
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.domain.statements.statement import NumberedStatement

RELAY = 4_715_020
"""Key of the session advisory lock: who holds it is the relay."""

_BEHIND = """
SELECT relay.writer, relay.seq, writer.seq, extract(epoch FROM now() - oldest.recorded_at)::float8
FROM relay JOIN writer ON writer.partition = relay.writer
LEFT JOIN journal oldest ON oldest.writer = relay.writer AND oldest.seq = relay.seq + 1
WHERE writer.seq <> relay.seq ORDER BY relay.writer
"""
_ROWS = f"""
SELECT {JOURNAL_COLUMNS} FROM journal WHERE writer = %s AND seq > %s ORDER BY seq LIMIT %s
"""  # noqa: S608 - column names of ours
_HEAD = "SELECT chain FROM journal WHERE writer = %s AND seq = %s"
_ACCOUNTS = "SELECT id, key, currency FROM account WHERE id = ANY(%s)"
_ADVANCE = "UPDATE relay SET seq = %s WHERE writer = %s AND seq = %s"


_COMMAND_POSITIONS = "SELECT seq, coalesce((SELECT max(seq) FROM command), 0) FROM command_relay"
_COMMAND_HEAD = "SELECT hash FROM command WHERE seq = %s"
_COMMANDS = f"SELECT {COMMAND_COLUMNS} FROM command WHERE seq > %s ORDER BY seq LIMIT %s"  # noqa: S608 - names of ours
_ADVANCE_COMMANDS = "UPDATE command_relay SET seq = %s WHERE seq = %s"
_SEVERING = f"SELECT {COMMAND_COLUMNS} FROM command WHERE kind = %s"  # noqa: S608 - names of ours
_STATEMENT_POSITIONS = "SELECT seq, coalesce((SELECT max(seq) FROM statement), 0) FROM statement_relay"
_STATEMENTS = f"SELECT {NUMBERED} WHERE seq > %s AND root IS NOT NULL ORDER BY seq LIMIT %s"
_HAS_STATEMENT = "SELECT EXISTS (SELECT FROM statement WHERE seq = %s)"
_ADVANCE_STATEMENTS = "UPDATE statement_relay SET seq = %s WHERE seq = %s"


class RelayLag(NamedTuple):
    """A writer whose journal is ahead of the ledger topic: the numbers published and booked last.

    `age_seconds` is how long ago the oldest row that is not published was booked; None: it is missing.
    """

    writer: int
    published: int
    booked: int
    age_seconds: float | None


class ElectionLost(Exception):  # noqa: N818 - what happened
    """Another relay moved a position: this one must not send again."""


class RelayStore:
    """Reads journal rows and keeps the relay's positions.

    Args:
        connection: of the writer role, in autocommit.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._names: dict[int, tuple[str, str]] = {}

    @classmethod
    async def connect(cls) -> "RelayStore":
        """Connect as the writer role."""
        with login_as_sentence(URL_VARIABLES["writer"]):
            return cls(await psycopg.AsyncConnection.connect(psycopg_dsn("writer"), autocommit=True))

    async def close(self) -> None:
        """Give up the election, if it was won."""
        await self._connection.close()

    async def elect(self) -> bool:
        """Whether this process is the relay from now on, until its connection ends."""
        return bool((await self._fetch("SELECT pg_try_advisory_lock(%s)", (RELAY,)))[0][0])

    async def positions(self) -> dict[int, int]:
        """The number published last, by writer."""
        return dict(await self._fetch("SELECT writer, seq FROM relay"))

    async def behind(self) -> list[RelayLag]:
        """The writers with entries that are not published.

        Raises:
            InvariantBroken: more is published than is booked.
        """
        found = [RelayLag(*row) for row in await self._fetch(_BEHIND)]
        for one in found:
            if one.published > one.booked:
                raise InvariantBroken(
                    f"writer {one.writer}: {one.published} entries are published, {one.booked} are booked",
                    "journal_chain",
                )
        return found

    async def head(self, writer: int, seq: int) -> Link:
        """The link that a writer's entry `seq` holds in its chain.

        Raises:
            InvariantBroken: the journal has no such entry.
        """
        if seq == 0:
            return GENESIS
        rows = await self._fetch(_HEAD, (writer, seq))
        if not rows:
            raise InvariantBroken(f"journal row {writer}-{seq} is published and missing", "journal_chain")
        return Link(seq, bytes(rows[0][0]))

    async def rows(self, writer: int, after: int, limit: int) -> list[JournalEntry]:
        """A writer's entries after a number, in order."""
        rows = [JournalRow.read(row) for row in await self._fetch(_ROWS, (writer, after, limit))]
        await self._learn({account for row in rows for account in row.accounts} - self._names.keys())
        return [row.in_place(self._names) for row in rows]

    async def traced(self, writer: int, after: int, limit: int) -> dict[int, dict[str, str]]:
        """The traces that led to a writer's entries after a number, by the entry's number."""
        return read_traced(await self._fetch(TRACED, (writer, after, after + limit)))

    async def advance(self, writer: int, published: int, seq: int) -> None:
        """Move a writer's position, by compare-and-set.

        Raises:
            ElectionLost: it was not where this process left it.
        """
        cursor = await self._connection.execute(_ADVANCE, (seq, writer, published))
        if cursor.rowcount != 1:
            raise ElectionLost(f"the position of writer {writer} is not {published}: another relay is at work")

    async def command_positions(self) -> tuple[int, int]:
        """The numbers of the commands published and recorded last."""
        ((published, recorded),) = await self._fetch(_COMMAND_POSITIONS)
        return published, recorded

    async def command_head(self, seq: int) -> Link:
        """The link that command `seq` holds in the chain.

        Raises:
            InvariantBroken: there is no such command.
        """
        if seq == 0:
            return GENESIS
        rows = await self._fetch(_COMMAND_HEAD, (seq,))
        if not rows:
            raise InvariantBroken(f"command {seq} is published and missing", "command_chain")
        return Link(seq, bytes(rows[0][0]))

    async def commands(self, after: int, limit: int) -> list[ChainedCommand]:
        """Commands after a number, in order."""
        return [read_command(row) for row in await self._fetch(_COMMANDS, (after, limit))]

    async def severed_rows(self) -> SeveredRows:
        """Rows whose hash covers a buyer that they no longer name."""
        rows = await self._fetch(_SEVERING, (CommandKind.BUYER_SEVERED,))
        return SeveredRows(map(read_command, rows))

    async def advance_commands(self, published: int, seq: int) -> None:
        """Move the position in the commands, by compare-and-set.

        Raises:
            ElectionLost: it was not where this process left it.
        """
        cursor = await self._connection.execute(_ADVANCE_COMMANDS, (seq, published))
        if cursor.rowcount != 1:
            raise ElectionLost(f"the position in the commands is not {published}: another relay is at work")

    async def statement_positions(self) -> tuple[int, int]:
        """The numbers of the statements published last and issued last."""
        ((published, issued),) = await self._fetch(_STATEMENT_POSITIONS)
        return published, issued

    async def statements(self, after: int, limit: int) -> list[NumberedStatement]:
        """Statements after a number, in order, of closes that have all of theirs."""
        return [read_statement(row) for row in await self._fetch(_STATEMENTS, (after, limit))]

    async def has_statement(self, seq: int) -> bool:
        """Whether a statement is issued, though its close may lack others."""
        return bool((await self._fetch(_HAS_STATEMENT, (seq,)))[0][0])

    async def advance_statements(self, published: int, seq: int) -> None:
        """Move the position in the statements, by compare-and-set.

        Raises:
            ElectionLost: it was not where this process left it.
        """
        cursor = await self._connection.execute(_ADVANCE_STATEMENTS, (seq, published))
        if cursor.rowcount != 1:
            raise ElectionLost(f"the position in the statements is not {published}: another relay is at work")

    async def _learn(self, unknown: set[int]) -> None:
        if unknown:
            found = await self._fetch(_ACCOUNTS, (sorted(unknown),))
            self._names.update({account: (key, currency) for account, key, currency in found})

    async def _fetch(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(statement, values, binary=True)
        return await cursor.fetchall()
