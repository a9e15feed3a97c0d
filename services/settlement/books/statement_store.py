"""Where statements are issued: the facts of a close, rows of `statement` with gapless numbers, and the close's root."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, func, insert, select, text, update

from services.kernel.errors import InputRefused, InvariantBroken, Stalled
from services.kernel.time import to_micros
from services.runtime.database import engine, refusals_as_sentences
from services.settlement.books import tables
from services.settlement.books.command_transaction import WRITER_N
from services.settlement.books.failures import retry_cause
from services.settlement.books.migrations import check_revision
from services.settlement.books.period_tables import period_close, statement
from services.settlement.books.posting_transaction import KEEPALIVES, psycopg_of
from services.settlement.books.statement_facts import ClosedPeriod, PartyFact, StatementFacts

_READING = "-c jit=off -c work_mem=64MB -c cursor_tuple_fraction=1"
_STORING = "-c transaction_timeout=8s"
"""A process that is frozen while it gives numbers must not hold writer N for longer than a poster may."""


class MadeStatement(NamedTuple):
    """A statement that has no number yet: whose it is, sha256 of its body, canonical JSON, its way to the root."""

    party: str
    currency: str
    sha256: bytes
    body: str
    path: Sequence[bytes]


IssuedName = tuple[str, str, bytes]
"""Party, currency and sha256 of a statement."""


class StatementBooks(Protocol):
    """What issuing needs of the books."""

    def find_close(self, period: str, revision: int) -> ClosedPeriod:
        """A close.

        Raises:
            InputRefused: there is none.
        """

    def facts(self, close: ClosedPeriod) -> Any:
        """A context manager that gives the facts by party and currency."""

    def issued(self, close: ClosedPeriod) -> list[IssuedName]:
        """The statements that there are of a close, by number."""

    def add(self, close: ClosedPeriod, first: int, made: Sequence[MadeStatement]) -> None:
        """Store statements that follow the first so many of a close, in one transaction; those there are stay."""

    def complete(self, close: ClosedPeriod, root: bytes) -> None:
        """Store the root, once."""


class StatementStore:
    """`StatementBooks` on PostgreSQL.

    Args:
        reading: an engine of a login in koc_operator, without a timeout.
        storing: the same with one.
    """

    def __init__(self, reading: Engine, storing: Engine) -> None:
        self._reading, self._storing = reading, storing

    def find_close(self, period: str, revision: int) -> ClosedPeriod:
        """A close with the zone in which its month lies."""
        with self._reading.connect() as connection:
            found = find_close(connection, period, revision)
        if found is None:
            raise InputRefused(f"{period} has no revision {revision}: `koc period list` names what is closed")
        return found

    @contextmanager
    def facts(self, close: ClosedPeriod) -> Iterator[Iterator[PartyFact]]:
        """The facts by party and currency, in a transaction of its own that locks nothing."""
        with self._reading.connect() as connection, connection.begin():
            yield StatementFacts(psycopg_of(connection), close).read()

    def issued(self, close: ClosedPeriod) -> list[IssuedName]:
        """Party, currency and sha256 of the statements of a close, by number."""
        columns = statement.c
        wanted = select(columns.party, columns.currency, columns.sha256).where(_is_of(close)).order_by(columns.seq)
        with self._reading.connect() as connection:
            return [(party, currency, bytes(digest)) for party, currency, digest in connection.execute(wanted)]

    def add(self, close: ClosedPeriod, first: int, made: Sequence[MadeStatement]) -> None:
        """Number and store statements under writer N, which keeps numbers without a gap."""
        with self._storing.connect() as connection, connection.begin():
            _lock_numbers(connection)
            there = connection.execute(select(func.count()).select_from(statement).where(_is_of(close))).scalar_one()
            last = connection.execute(select(func.coalesce(func.max(statement.c.seq), 0))).scalar_one()
            whose = {"period": close.period, "revision": close.revision}
            rows = [
                {"seq": seq, **whose, **one._asdict()}
                for seq, one in enumerate(made[max(0, there - first) :], last + 1)
            ]
            if rows:
                connection.execute(insert(statement), rows)  # no COPY: the server would wait for a frozen client

    def complete(self, close: ClosedPeriod, root: bytes) -> None:
        """Store the root; another one than is stored breaks an invariant."""
        mine = (period_close.c.period == close.period) & (period_close.c.revision == close.revision)
        is_free = period_close.c.root.is_(None) | (period_close.c.root == root)
        with self._storing.connect() as connection, connection.begin():
            if connection.execute(update(period_close).where(mine, is_free).values(root=root)).rowcount != 1:
                raise InvariantBroken(f"{close.period} revision {close.revision} has another root already")


def find_close(connection: Connection, period: str, revision: int | None) -> ClosedPeriod | None:
    """A close; revision None = the latest of the period. None = there is none."""
    zone = select(tables.registry_position.c.zone_minutes).scalar_subquery()
    wanted = select(period_close, zone.label("zone")).where(period_close.c.period == period)
    if revision is not None:
        wanted = wanted.where(period_close.c.revision == revision)
    row = connection.execute(wanted.order_by(period_close.c.revision.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    root = None if row.root is None else bytes(row.root)
    closed_at = to_micros(row.closed_at)
    return ClosedPeriod(row.period, row.revision, row.cut, bytes(row.seal), closed_at, row.zone or 0, root)


@contextmanager
def statement_store() -> Iterator[StatementStore]:
    """The books for statements, through a personal login in the role koc_operator.

    Raises:
        StartRefused: no address is set, the schema is another one, or the login may not do what issuing does.
        Stalled: others held writer N for too long; the same command again goes on where it is.
    """
    engines = [engine("operator", options=options, **KEEPALIVES) for options in (_READING, _STORING)]
    try:
        with refusals_as_sentences():
            with engines[0].connect() as connection:
                check_revision(connection)
            yield StatementStore(*engines)
    except Exception as error:
        if retry_cause(error) is not None:
            raise Stalled(
                "others held the books for too long, or the connection was cut: the same command again goes on where it"
                " is"
            ) from error
        raise
    finally:
        for one in engines:
            one.dispose()


def _is_of(close: ClosedPeriod) -> Any:
    return (statement.c.period == close.period) & (statement.c.revision == close.revision)


def _lock_numbers(connection: Connection) -> None:
    connection.execute(text("SELECT FROM writer WHERE partition = :writer FOR UPDATE"), {"writer": WRITER_N})
