"""Runs in PostgreSQL: who opens which transaction on which connection, and the plan that is only tried out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from services.kernel.errors import Stalled
from services.kernel.time import to_micros
from services.runtime.database import PersonalLogin, engine, refusals_as_sentences
from services.runtime.settings import settings
from services.settlement.books import run_tables
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.failures import retry_cause
from services.settlement.books.migrations import check_revision
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.plan_transaction import StoredPlanTransaction
from services.settlement.books.positions import check_zone
from services.settlement.books.posting_transaction import KEEPALIVES, SESSION, BookConnections
from services.settlement.books.record_command import find_recorded
from services.settlement.books.run_lock import run_lock
from services.settlement.books.run_ports import BudgetLine, StoredRun
from services.settlement.books.run_snapshot import RunBooksSnapshot
from services.settlement.books.run_transaction import RunTransaction
from services.settlement.books.snapshot import repeatable_read
from services.settlement.books.tables import terms
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan
from services.settlement.domain.settling.tiers import TierCounter

_Transaction = TypeVar("_Transaction")
SomeBooks = TypeVar("SomeBooks", bound="RunBooks")
_PLAN_SESSION = SESSION.replace("transaction_timeout=8s", "transaction_timeout=0")
"""A plan is made for minutes and holds no lock but at its end."""


class RunBooks:
    """`run_ports.RunStore`.

    Args:
        operator: an engine of a login in koc_operator, with the poster's session settings.
        planner: the same without a timeout.
        plain: the same without settings: for RUN, accounts and terms.
    """

    def __init__(self, operator: Engine, planner: Engine, plain: Engine) -> None:
        self._plain = plain
        self._operator = operator
        self._idle: list[BookConnections] = []
        self._checking = Lock()
        self._plans = BookConnections(planner, plain)
        self._lock: Connection | None = None

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        """Hold RUN on a connection of its own."""
        with self._plain.connect() as connection, run_lock(connection, what):
            self._lock = connection
            try:
                yield
            finally:
                self._lock = None

    def check_lock(self) -> None:
        """Make sure that RUN is still held."""
        try:
            with self._checking:
                if self._lock is not None:
                    with self._lock.begin():
                        self._lock.execute(text("SELECT"))
        except DBAPIError as error:
            raise Stalled(
                "the connection that held RUN was cut: another process may be finishing the run; the same command again"
                " goes on where it is"
            ) from error

    def unfinished(self) -> StoredRun | None:
        """The run that was planned and is not done."""
        return self._read(run_tables.run.c.status != "done")

    def find(self, draft: CommandDraft) -> StoredRun | None:
        """The run that this command planned before."""
        with self._plain.connect() as connection, connection.begin():
            if find_recorded(connection, draft) is None:
                return None
        return self._read(run_tables.run.c.id == draft.id)

    def _read(self, condition: Any) -> StoredRun | None:
        run = run_tables.run
        wanted = select(run, terms.c.registry_offset, terms.c.as_of.label("terms_as_of")).join(
            terms, terms.c.id == run.c.terms
        )
        with self._plain.connect() as connection, connection.begin():
            row = connection.execute(wanted.where(condition)).one_or_none()
        if row is None:
            return None
        frozen = Terms(row.terms, row.registry_offset, to_micros(row.terms_as_of))
        return StoredRun(row.id, to_micros(row.as_of), row.status, frozen, bytes(row.plan_sha256), row.counts)

    @contextmanager
    def snapshot(self) -> Iterator[RunBooksSnapshot]:
        """One snapshot, on a connection of its own."""
        with repeatable_read(self._plain) as connection:
            yield RunBooksSnapshot(connection)

    def planning(self) -> AbstractContextManager[StoredPlanTransaction]:
        """One transaction, committed at the end."""
        return self._planned_by(StoredPlanTransaction)

    @contextmanager
    def _planned_by(self, kind: Callable[[Connection, AccountIds, TermsIds], _Transaction]) -> Iterator[_Transaction]:
        """A transaction of this kind on the connection without a timeout."""
        connection = self._plans.connection()
        with connection.begin():
            yield kind(connection, self._plans.accounts(), self._plans.terms())

    @contextmanager
    def chunk(self) -> Iterator[RunTransaction]:
        """One transaction on connections that no other thread has meanwhile, with the poster's timeouts.

        It is committed at the end. After an error its connections are not used again.
        """
        book = self._idle.pop() if self._idle else BookConnections(self._operator, self._plain)
        try:
            connection = book.connection()
            with connection.begin():
                yield RunTransaction(connection, book.accounts(), book.terms())
        except BaseException:
            book.disconnect()
            raise
        self._idle.append(book)

    ending = chunk

    def close(self) -> None:
        """Disconnect."""
        for book in self._idle:
            book.disconnect()
        self._plans.disconnect()


def run_store() -> AbstractContextManager[RunBooks]:
    """The books for runs, through a personal login in the role koc_operator.

    Raises:
        StartRefused: no address is set, the schema or the zone is another one, or the login may not do what a run does.
    """
    return opened_store(RunBooks)


@contextmanager
def opened_store(
    kind: Callable[[Engine, Engine, Engine], SomeBooks], login: PersonalLogin | None = None
) -> Iterator[SomeBooks]:
    """A store of this kind, as `run_store` opens its own; through a person's login where one is given."""
    engines = [engine("operator", login, options=options, **KEEPALIVES) for options in (SESSION, _PLAN_SESSION, "")]
    store = kind(*engines)
    try:
        with refusals_as_sentences():
            with engines[-1].connect() as connection:
                check_revision(connection)
            check_zone(engines[-1], settings().settlement_zone_minutes)
            yield store
    except Exception as error:
        if retry_cause(error) is not None:
            raise Stalled(
                "others held the books for too long, or the connection was cut: the same command again goes on where it"
                " is"
            ) from error
        raise
    finally:
        store.close()
        for one in engines:
            one.dispose()


class TrialTransaction:
    """`run_ports.PlanTransaction` of a plan that nobody keeps."""

    def terms_of(self, registry_offset: int, as_of: int) -> Terms:
        """Terms without a row."""
        return Terms(0, registry_offset, as_of)

    def add_run(self, run: StoredRun, point: RunPoint) -> None:
        """Nothing."""

    def add_lines(self, run: str, lines: Iterable[tuple[LinePlan, str]]) -> None:
        """Plan them all, keep none."""
        del run
        for _ in lines:
            pass

    def add_contents(self, run: str, contents: Sequence[ContentPlan]) -> None:
        """Nothing."""

    def add_parties(self, run: str, parties: Sequence[PartyPlan]) -> None:
        """Nothing."""

    def put_counters(self, counters: Mapping[TierCounter, int]) -> None:
        """Nothing."""

    def take_slots(self, run: str, slots: Mapping[BonusSlot, Key]) -> None:
        """Nothing."""

    def put_budget_lines(self, lines: Mapping[tuple[BudgetKey, Key], BudgetLine]) -> None:
        """Nothing."""

    def complete_run(self, run: StoredRun) -> None:
        """Nothing."""

    def record(self, draft: CommandDraft, result: JsonObject, point: RunPoint) -> None:
        """Nothing."""
