"""The transaction of a command: what it reads and locks besides what any writer of the books does."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter

from sqlalchemy import ColumnElement, Table, and_, select, update

from schemas.topics import CREDITS
from services.kernel.errors import Stalled
from services.kernel.sentences import Sentence
from services.kernel.time import to_micros
from services.runtime.database import PersonalLogin, Role, engine, refusals_as_sentences
from services.runtime.settings import settings
from services.settlement.books import run_tables, tables
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.failures import retry_cause
from services.settlement.books.migrations import check_revision
from services.settlement.books.ports import TransactionTime
from services.settlement.books.positions import check_zone
from services.settlement.books.posting_transaction import (
    CLOSED_MONTHS,
    KEEPALIVES,
    SESSION,
    BookConnections,
    PostingTransaction,
)
from services.settlement.domain.book.commands import BESIDE_RUNS
from services.settlement.domain.book.periods import ClosedMonths
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line

WRITER_N = CREDITS.partitions
_DECIDED_SINCE = "SELECT FROM command WHERE seq > %s AND kind <> ALL(%s) LIMIT 1"
_SESSION = f"{SESSION} -c transaction_timeout=20s"
"""Longer than a poster's: a command waits for the batch under way, and takes the writers' rows only then."""


class CommandTransaction(PostingTransaction):
    """A posting transaction that also knows what commands ask for."""

    def time(self) -> TransactionTime:
        """When the transaction happens, and the oldest open period."""
        now, *months = self.connection.exec_driver_sql(f"SELECT now(), {CLOSED_MONTHS}").one()
        return TransactionTime(to_micros(now), ClosedMonths(*months).oldest_open)

    def check_undecided(self, commands: int) -> None:
        """Make sure that nobody has decided anything after the command of this number; writer N is locked.

        Raises:
            Stalled: somebody has, so the connection that held RUN was cut.
        """
        if self.cursor.execute(_DECIDED_SINCE, (commands, sorted(BESIDE_RUNS))).fetchone() is not None:
            raise Stalled(
                "the connection that held RUN was cut while the plan was made, and others have decided since: nothing"
                " is stored, so try again"
            )

    def lock_balances(self, accounts: Collection[str], currency: str) -> dict[str, int]:
        """Net amounts that nobody changes before the end of this transaction; 0 for accounts that are still to come."""
        key, balance = tables.account, tables.balance
        wanted = (
            select(key.c.key, balance.c.amount_minor)
            .join(key, key.c.id == balance.c.account_id)
            .where(key.c.key.in_(accounts), key.c.currency == currency)
            .order_by(balance.c.account_id)  # as every writer of the books locks them
            .with_for_update(of=balance)
        )
        found: dict[str, int] = dict(self.connection.execute(wanted).all())
        return {account: found.get(account, 0) for account in accounts}

    def partitions_of(self, order_id: str, line_id: str) -> set[int]:
        """The partitions of all buyers' lines of an order line; more may come until their writers are locked."""
        table = tables.line
        wanted = select(table.c.partition).where(table.c.order_id == order_id, table.c.line_id == line_id)
        return set(self.connection.execute(wanted).scalars())

    def lines_of(self, order_id: str) -> list[Line]:
        """All buyers' lines of an order, by key; more may come until their writers are locked."""
        wanted = select(tables.line.c.line_id).where(tables.line.c.order_id == order_id).distinct()
        found = self.read_lines([(order_id, line_id) for line_id in self.connection.execute(wanted).scalars()])
        return sorted(found, key=attrgetter("key"))

    def unfinished_run(self) -> str | None:
        """The run that was planned and is not done; RUN keeps the answer true."""
        wanted = select(run_tables.run.c.id).where(run_tables.run.c.status != "done")
        return self.connection.execute(wanted).scalar_one_or_none()

    def reopen_budget_lines(self, keys: Iterable[Key]) -> None:
        """Let the next run work out anew what lines take of budgets: no line has an empty vector."""
        for key in keys:
            change = update(run_tables.budget_line).where(_is_key(run_tables.budget_line, key)).values(vector=[])
            self.connection.execute(change)

    def read_assertion(self, key: Key) -> LineAssertion | None:
        """The assertion that a line accepted; None = it has none yet."""
        kept = tables.assertion
        raw = self.connection.execute(select(kept.c.raw).where(_is_key(kept, key))).scalar()
        return None if raw is None else decode_assertion(bytes(raw))

    def promote(self, key: Key) -> None:
        """Let a line stand; none of its order line stands any more."""
        self.connection.execute(update(tables.line).where(_is_key(tables.line, key)).values(standing=True))


@contextmanager
def command_transaction(book: BookConnections) -> Iterator[CommandTransaction]:
    """One transaction: committed at the end of the block, rolled back on an error."""
    connection = book.connection()
    with connection.begin():
        yield CommandTransaction(connection, book.accounts(), book.terms())


def _is_key(table: Table, key: Key) -> ColumnElement[bool]:
    return and_(table.c.order_id == key[0], table.c.line_id == key[1], table.c.buyer_id == key[2])


@contextmanager
def operator_books(
    role: Role = "operator", session: str = _SESSION, login: PersonalLogin | None = None
) -> Iterator[BookConnections]:
    """The books for commands, through a personal login in the role koc_operator, for as long as the block lasts.

    Args:
        role: whose address is taken; all of them lead to logins in koc_operator.
        session: libpq options of the connection that changes the books.
        login: of a person in this role, instead of the role's address.

    Raises:
        StartRefused: no address is set, the schema or the zone is another one, or the login may not do what the block
            does.
        Stalled: others held what the block needs for too long; nothing was done.
    """
    engines = engine(role, login, options=session, **KEEPALIVES), engine(role, login)
    book = BookConnections(*engines)
    try:
        with refusals_as_sentences():
            with engines[1].connect() as connection:
                check_revision(connection)
            check_zone(engines[1], settings().settlement_zone_minutes)
            yield book
    except Exception as error:
        if retry_cause(error) in {"timeout", "deadlock", "serialization", "claimed_by_another"}:
            raise Stalled(Sentence("others held the books for too long: nothing was done, so try again")) from error
        raise
    finally:
        book.disconnect()
        for one in engines:
            one.dispose()
