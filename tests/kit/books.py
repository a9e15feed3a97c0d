"""Books in PostgreSQL that tests fill through the real write path; settings() must lead to the database."""

from contextlib import AbstractContextManager
from typing import Any

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services.kernel.errors import InvariantBroken
from services.runtime.database import engine
from services.settlement.books.migrations import migrate
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.books.payout_reads import payouts_of
from services.settlement.books.payout_store import PayoutBooks, payout_store
from services.settlement.books.ports import OpenJob
from services.settlement.books.posting_transaction import SESSION, BookConnections, PostingTransaction
from services.settlement.books.registry_transaction import (
    RegistryPostingTransaction,
    oldest_open_job,
    registry_transaction,
)
from services.settlement.books.run_store import RunBooks, run_store
from services.settlement.books.snapshot import Snapshot, snapshot
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import Terms
from tests.kit.book_driver import BookDriver


class PostgresStore:
    """Books in a migrated database.

    Args:
        owner: the engine of the role that may change what nobody else may.
        session: settings of the connection that writes.
    """

    refusals = (InvariantBroken, psycopg.Error, DBAPIError)

    def __init__(self, owner: Engine, session: str = SESSION) -> None:
        self._owner, self._reader = owner, engine("reader")
        self._writers = engine("writer", options=session), engine("writer")
        self._connections = BookConnections(*self._writers)

    def close(self) -> None:
        self._connections.disconnect()
        for one in (self._reader, *self._writers):
            one.dispose()

    def reconnect(self) -> None:
        """Forget what connections know of the tables that there were."""
        self._connections.disconnect()

    def transaction(self) -> AbstractContextManager[PostingTransaction]:
        return self._connections.transaction()

    def registry_transaction(self) -> AbstractContextManager[RegistryPostingTransaction]:
        return registry_transaction(self._connections)

    def oldest_open_job(self, partitions: range) -> OpenJob | None:
        return oldest_open_job(self._connections, partitions)

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        return snapshot(self._reader)

    def close_month(self, month: str) -> None:
        self._execute("INSERT INTO period VALUES (:month, true)", month=month)

    def runs(self) -> AbstractContextManager[RunBooks]:
        return run_store()

    def payouts(self) -> AbstractContextManager[PayoutBooks]:
        return payout_store()

    def stored_payouts(self, batch: str) -> list[StoredPayout]:
        with self._owner.connect() as connection:
            return payouts_of(connection, batch)

    def terms(self, registry_offset: int, as_of: int) -> Terms:
        return self._connections.terms().ensure(registry_offset, as_of)

    def hints(self) -> list[tuple[int, str, Key]]:
        found = self._rows(
            "SELECT partition, settle_on::text, order_id, line_id, buyer_id FROM due ORDER BY 1, 2, 3, 4, 5"
        )
        return [(partition, day, (order, line, buyer)) for partition, day, order, line, buyer in found]

    def party_legs(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        found = self._rows("SELECT key, writer, seq, amount_minor, kind FROM party_leg JOIN account ON account_id = id")
        return {(key, writer, seq): (amount, kind) for key, writer, seq, amount, kind in found}

    def _rows(self, statement: str) -> list[Any]:
        with self._owner.connect() as connection:
            return list(connection.execute(text(statement)))

    def begin_generation(self, partition: int, generation: int) -> None:
        self._execute(
            "UPDATE writer SET generation = :n WHERE partition = :partition", n=generation, partition=partition
        )

    def _execute(self, statement: str, **values: object) -> None:
        with self._owner.begin() as connection:
            connection.execute(text(statement), values)


class Books(BookDriver):
    """A driver of books in PostgreSQL, with the owner's access to their tables."""

    store: PostgresStore

    def __init__(self) -> None:
        self._owner = engine("owner")
        migrate(self._owner)
        super().__init__(PostgresStore(self._owner))

    def close(self) -> None:
        self.store.close()
        self._owner.dispose()

    def plant(self, *statements: str) -> None:
        """Do what nobody may: as the owner, who can switch off the trigger that keeps the journal as it is."""
        with self._owner.begin() as connection:
            connection.execute(text("ALTER TABLE journal DISABLE TRIGGER journal_is_immutable"))
            for statement in statements:
                assert connection.execute(text(statement)).rowcount == 1, statement
            connection.execute(text("ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_is_immutable"))

    def grant(self, statement: str) -> None:
        """Give or take rights as the owner."""
        with self._owner.begin() as connection:
            connection.execute(text(statement))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a query finds, as the owner."""
        with self._owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
