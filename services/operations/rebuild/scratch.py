"""The database that a rebuild fills: made by the owner beside the books, and dropped at the end.

One login, the owner, repeats what many people did over months. So this database has two things of its own, in the
schema `rebuilding`. Its `now()` gives the moment of the command that is repeated: the sessions' search_path lets it
come before PostgreSQL's. And a trigger writes each command down as it was recorded, under the name that it had then.
The triggers that refuse another name or time, and the check of four eyes, are switched off here, and only here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, MetaData, insert, select, text, update

from services.kernel.errors import InputRefused, StartRefused
from services.kernel.time import to_datetime
from services.runtime.database import engine
from services.settlement.books.command_rows import command_row
from services.settlement.books.migrations import migrate
from services.settlement.books.payout_store import PayoutBooks
from services.settlement.books.posting_transaction import SESSION, BookConnections
from services.settlement.books.tables import command, registry_position, writer
from services.settlement.domain.book.commands import ChainedCommand

_PATH = "-c search_path=rebuilding,pg_catalog,public"
_UNHURRIED = SESSION.replace("transaction_timeout=8s", "transaction_timeout=0")
_OWN = (
    "CREATE SCHEMA rebuilding",
    "CREATE TABLE rebuilding.clock (at timestamptz)",
    "INSERT INTO rebuilding.clock VALUES (NULL)",
    """
CREATE FUNCTION rebuilding.now() RETURNS timestamptz LANGUAGE sql STABLE
AS 'SELECT coalesce((SELECT at FROM rebuilding.clock), pg_catalog.now())'
""",
    "CREATE TABLE rebuilding.recorded (LIKE public.command)",
    """
CREATE FUNCTION rebuilding.write_as_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE recorded command;
BEGIN
  SELECT * INTO STRICT recorded FROM rebuilding.recorded WHERE id = NEW.id;
  RETURN recorded;
END $$
""",
    "ALTER TABLE command DISABLE TRIGGER USER",
    """
CREATE TRIGGER write_as_recorded BEFORE INSERT ON command
FOR EACH ROW EXECUTE FUNCTION rebuilding.write_as_recorded()
""",
    "ALTER TABLE payout_batch DROP CONSTRAINT payout_batch_four_eyes",
)
_RECORDED = command.to_metadata(MetaData(), schema="rebuilding", name="recorded")
_IS_EMPTY = text("SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)")
_MAY_CREATE = text("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
_IS_OURS = text(
    "SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name AND pg_get_userbyid(datdba) = current_user)"
)


class BooksOrigin(NamedTuple):
    """Kafka's ids of the topics that books were read from, and the zone of their months; None = not known yet."""

    credits_id: str | None
    registry_id: str | None
    zone_minutes: int | None


def read_origin(connection: Connection) -> BooksOrigin:
    """Where books come from."""
    of_credits = select(writer.c.topic_id).where(writer.c.topic_id.is_not(None)).limit(1)
    position = connection.execute(select(registry_position)).one()
    return BooksOrigin(connection.execute(of_credits).scalar(), position.topic_id, position.zone_minutes)


class ScratchBooks:
    """Migrated books with nothing in them, in a database of their own.

    Args:
        name: of the database.

    Attributes:
        book: for transactions of the write path and of commands.
        store: for runs and proposals of payouts.
        reader: for snapshots.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        options = (f"{_PATH} {_UNHURRIED}", _PATH)
        self._posting, self.reader = (engine("owner", dbname=name, options=one) for one in options)
        self.book = BookConnections(self._posting, self.reader)
        self.store = PayoutBooks(self._posting, self._posting, self.reader)

    def close(self) -> None:
        """Disconnect."""
        self.store.close()
        self.book.disconnect()
        for one in (self._posting, self.reader):
            one.dispose()

    def begin(self, origin: BooksOrigin, commands: Sequence[ChainedCommand]) -> None:
        """Take over where the books came from, and keep the commands as they were recorded."""
        with self.reader.begin() as connection:
            connection.execute(update(writer).values(topic_id=origin.credits_id))
            position = {"topic_id": origin.registry_id, "zone_minutes": origin.zone_minutes}
            connection.execute(update(registry_position).values(position))
            if commands:
                connection.execute(insert(_RECORDED), [command_row(one) for one in commands])

    def set_clock(self, at: int | None) -> None:
        """Let `now()` be this moment (microseconds) from now on; None = as the server's clock has it."""
        moment = None if at is None else to_datetime(at)
        with self.reader.begin() as connection:
            connection.execute(text("UPDATE rebuilding.clock SET at = :at"), {"at": moment})


@contextmanager
def scratch_books(given: str | None, *, is_kept: bool) -> Iterator[ScratchBooks]:
    """Books to fill, for as long as the block lasts.

    Args:
        given: an empty database of the owner, which is never dropped; None = one is made.
        is_kept: whether one that is made stays at the end.

    Raises:
        StartRefused: the owner's address is not set, or the owner may not make a database.
        InputRefused: the given database does not exist, or is not empty.
    """
    home = engine("owner")
    name = given or f"koc_rebuild_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    try:
        if given is None:
            _make(home, name)
        else:
            _check_given(home, given)
        try:
            with _prepared(name) as books:
                yield books
        finally:
            if given is None and not is_kept:
                _execute(home, f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        home.dispose()


@contextmanager
def _prepared(name: str) -> Iterator[ScratchBooks]:
    """The books in an empty database: migrated, with what this database has of its own.

    Raises:
        InputRefused: the database has tables, as the books' own has.
    """
    plain = engine("owner", dbname=name)
    try:
        with plain.connect() as connection:
            if not connection.execute(_IS_EMPTY).scalar_one():
                raise InputRefused(f"the database {name} is not empty: a rebuild needs an empty one, or makes one")
        migrate(plain)
        with plain.begin() as connection:
            for statement in _OWN:
                connection.execute(text(statement))
    finally:
        plain.dispose()
    books = ScratchBooks(name)
    try:
        yield books
    finally:
        books.close()


def _make(home: Engine, name: str) -> None:
    """Create the database.

    Raises:
        StartRefused: the owner may not.
    """
    with home.connect() as connection:
        may_create = connection.execute(_MAY_CREATE).scalar_one()
    if not may_create:
        raise StartRefused(
            "the owner may not make a database: as a superuser, run `ALTER ROLE koc_owner CREATEDB`; or make an empty "
            "one, `CREATE DATABASE koc_rebuild OWNER koc_owner`, and name it with `--database koc_rebuild`"
        )
    _execute(home, f'CREATE DATABASE "{name}"')


def _check_given(home: Engine, name: str) -> None:
    """Refuse a database that is not there, or is somebody else's.

    Raises:
        InputRefused: it cannot be used.
    """
    with home.connect() as connection:
        if not connection.execute(_IS_OURS, {"name": name}).scalar_one():
            raise InputRefused(
                f"the owner has no database {name}: as a superuser, run `CREATE DATABASE {name} OWNER koc_owner`"
            )


def _execute(home: Engine, statement: str) -> None:
    """A statement that no transaction may hold."""
    with home.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
