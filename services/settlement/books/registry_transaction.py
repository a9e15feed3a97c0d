"""The registry reader's and the reprice jobs' statements: seldom run, so in SQLAlchemy's words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import and_, bindparam, exists, false, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from schemas.topics import CREDITS
from services.kernel.errors import InvariantBroken
from services.kernel.time import to_datetime, to_micros
from services.settlement.books import tables
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.line_rows import read_line
from services.settlement.books.ports import ContentPosition, JobProgress, OpenJob, ReferenceEvent, RepriceJob
from services.settlement.books.posting_transaction import (
    PERIOD,
    REGISTRY,
    BookConnections,
    PostingTransaction,
)
from services.settlement.books.reference import stored_event
from services.settlement.books.settled_columns import read_shares, shares_accounts
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.facts import SPEND
from services.settlement.domain.pricing.scopes import Scope

_KEY = (tables.line.c.order_id, tables.line.c.line_id, tables.line.c.buyer_id)
_FACT = tables.reference
_NEWER = tables.reference.alias("newer")
_STANDS = ~exists().where(
    _NEWER.c.kind == _FACT.c.kind, _NEWER.c.identity == _FACT.c.identity, _NEWER.c.position > _FACT.c.position
)
"""Of an identity the newest event stands."""


class RegistryPostingTransaction(PostingTransaction):
    """`ports`: RegistryTransaction and RepriceTransaction."""

    def lock_registry(self) -> int:
        """PERIOD shared, REGISTRY exclusive, then the position's row."""
        self.cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (PERIOD,))
        self.cursor.execute("SELECT pg_advisory_xact_lock(%s)", (REGISTRY,))
        return int(
            self.connection.execute(select(tables.registry_position.c.next_offset).with_for_update()).scalar_one()
        )

    def read_facts(self, kind: str, identities: Collection[str]) -> dict[str, ReferenceEvent]:
        """Standing events of one kind by identity."""
        wanted = select(_FACT).where(_FACT.c.kind == kind, _FACT.c.identity.in_(identities), _STANDS)
        return {event.identity: event for event in map(stored_event, self.connection.execute(wanted).mappings())}

    def read_spends(self, content_ids: Collection[str]) -> list[ReferenceEvent]:
        """Standing spend events of these contents."""
        of_content = _FACT.c.body["content_id"].astext.in_(content_ids)
        wanted = select(_FACT).where(_FACT.c.kind == SPEND, of_content, _STANDS).order_by(_FACT.c.position)
        return [stored_event(row) for row in self.connection.execute(wanted).mappings()] if content_ids else []

    def put_facts(self, events: Sequence[ReferenceEvent], revision: int) -> None:
        """Insert every version."""
        rows = [
            {"kind": e.kind, "identity": e.identity, "position": e.position, "body": e.body, "revision": revision}
            for e in events
        ]
        self.connection.execute(insert(_FACT), rows)

    def read_positions(self, kind: str, identities: Collection[str]) -> dict[tuple[str, str], ContentPosition]:
        """What is booked and settled: (identity, currency) -> position."""
        table = tables.content_position
        wanted = (
            select(table)
            .where(table.c.kind == kind, table.c.identity.in_(identities))
            .order_by(table.c.identity, table.c.currency)
        )
        return {
            (row.identity, row.currency): ContentPosition(
                self.accounts.position(row.accounts, row.amounts),
                read_shares(row.settled_accounts, row.settled_amounts, self.accounts),
            )
            for row in self.connection.execute(wanted)
        }

    def put_positions(self, kind: str, positions: Mapping[tuple[str, str], ContentPosition]) -> None:
        """Upsert in key order; the accounts are made first where they are new."""
        if not positions:
            return
        self.accounts.ensure(
            (key, currency)
            for (_, currency), (booked, settled) in positions.items()
            for key in (*booked, *shares_accounts(settled))
        )
        new = insert(tables.content_position)
        columns = ("accounts", "amounts", "settled_accounts", "settled_amounts")
        upsert = new.on_conflict_do_update(
            index_elements=["kind", "identity", "currency"], set_={name: new.excluded[name] for name in columns}
        )
        rows = [
            {
                "kind": kind,
                "identity": identity,
                "currency": currency,
                "accounts": [self.accounts.id(key, currency) for key in booked],
                "amounts": list(booked.values()),
                "settled_accounts": [self.accounts.id(key, currency) for key in shares_accounts(settled)],
                "settled_amounts": list(settled.values()),
            }
            for (identity, currency), (booked, settled) in sorted(positions.items())
        ]
        self.connection.execute(upsert, rows)

    def add_job(self, job: RepriceJob) -> None:
        """The job and its progress rows."""
        row = {
            "id": job.number,
            "scope": _scope_body(job.scope),
            "cause": job.cause,
            "effective_at": to_datetime(job.effective_at),
        }
        self.connection.execute(insert(tables.reprice_job), row)
        progress = [{"job": job.number, "partition": partition} for partition in range(CREDITS.partitions)]
        self.connection.execute(insert(tables.reprice_progress), progress)

    def save_registry(self, next_offset: int, revision: int) -> None:
        """Move the registry's position."""
        self.connection.execute(update(tables.registry_position).values(next_offset=next_offset, revision=revision))

    def read_progress(self, job: int, partition: int) -> JobProgress:
        """How far a job is; the writer row's lock keeps it still."""
        table = tables.reprice_progress
        wanted = select(table.c.last_key, table.c.done).where(table.c.job == job, table.c.partition == partition)
        last_key, done = self.connection.execute(wanted).one()
        return JobProgress(None if last_key is None else (last_key[0], last_key[1], last_key[2]), done)

    def save_progress(self, job: int, partition: int, progress: JobProgress) -> None:
        """Store how far a job is."""
        table = tables.reprice_progress
        where = and_(table.c.job == bindparam("of"), table.c.partition == bindparam("at"))
        values = {"last_key": list(progress.last_key) if progress.last_key else None, "done": progress.done}
        self.connection.execute(update(table).where(where).values(values), {"of": job, "at": partition})

    def read_scope(
        self, scope: Scope, partition: int, after: Key | None, limit: int
    ) -> list[tuple[Line, LineAssertion]]:
        """The next lines in key order, each with its decoded assertion."""
        line, assertion = tables.line, tables.assertion
        named = [line.c.koc_ids.overlap(sorted(scope.kocs))] if scope.kocs else []
        if scope.brands:
            named.append(line.c.brand_id.in_(sorted(scope.brands)))
        if scope.orders:
            named.append(line.c.order_id.in_(sorted(scope.orders)))
        wanted = (
            select(*line.c, assertion.c.raw)
            .join(assertion, and_(*(line.c[k.name] == assertion.c[k.name] for k in _KEY)))
            .where(line.c.partition == partition, line.c.standing, line.c.paid_at >= to_datetime(scope.paid_from))
            .order_by(*_KEY)
            .limit(limit)
        )
        if scope.brands is not None:
            wanted = wanted.where(or_(false(), *named))
        if scope.paid_to is not None:
            wanted = wanted.where(line.c.paid_at < to_datetime(scope.paid_to))
        if after is not None:
            wanted = wanted.where(tuple_(*_KEY) > after)
        return [
            (read_line(row, self.accounts, self.terms), decode_assertion(bytes(row[-1])))
            for row in self.connection.execute(wanted)
        ]


@contextmanager
def registry_transaction(book: BookConnections) -> Iterator[RegistryPostingTransaction]:
    """One transaction: committed at the end of the block, rolled back on an error."""
    connection = book.connection()
    with connection.begin():
        yield RegistryPostingTransaction(connection, book.accounts(), book.terms())


def oldest_open_job(book: BookConnections, partitions: Collection[int]) -> OpenJob | None:
    """The oldest reprice job with lines left in one of these partitions."""
    job, progress = tables.reprice_job, tables.reprice_progress
    wanted = (
        select(job, progress.c.partition)
        .join(progress, progress.c.job == job.c.id)
        .where(~progress.c.done, progress.c.partition.in_(partitions))
        .order_by(job.c.id, progress.c.partition)
        .limit(1)
    )
    connection = book.connection()
    with connection.begin():
        row = connection.execute(wanted).mappings().one_or_none()
    if row is None:
        return None
    found = RepriceJob(row["id"], _scope_of(row["scope"]), row["cause"], to_micros(row["effective_at"]))
    return OpenJob(found, row["partition"])


def _scope_body(scope: Scope) -> dict[str, Any]:
    return {
        "brands": None if scope.brands is None else sorted(scope.brands),
        "kocs": sorted(scope.kocs),
        "paid_from": scope.paid_from,
        "paid_to": scope.paid_to,
        "orders": sorted(scope.orders),
    }


def _scope_of(body: dict[str, Any]) -> Scope:
    brands = body["brands"]
    if not isinstance(body["paid_from"], int):
        raise InvariantBroken(f"a reprice job's scope is damaged: {body}")
    return Scope(
        None if brands is None else frozenset(brands),
        frozenset(body["kocs"]),
        body["paid_from"],
        body["paid_to"],
        frozenset(body.get("orders", ())),  # jobs of before had none
    )
