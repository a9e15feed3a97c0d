"""Where the logs end, how far attribution's group is, and what the books have read, booked and published."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.kernel.errors import StartRefused
from services.operations.drain.drain import LogPlace, ReaderPositions, drain
from services.runtime.database import engine, refusals_as_sentences
from services.runtime.groups import positions
from services.runtime.kafka import admin
from services.settlement.books import tables
from services.settlement.books.outbox import (
    count_unpublished_commands,
    count_unpublished_statements,
    unpublished_entries,
)

ATTRIBUTION_GROUP = "koc-attribution"
"""Attribution mirrors its durable positions to this consumer group after each checkpoint."""

_READ = {topic.name: topic.partitions for topic in (CLICKS, ORDERS, REGISTRY, CREDITS)}
_PLACES: tuple[LogPlace, ...] = tuple((name, number) for name, count in _READ.items() for number in range(count))


class LivePositions:
    """`drain.Positions` of the running service; holds one Kafka and one database connection until closed.

    After an error the Kafka client is made anew: it may be the one that is broken.
    """

    def __init__(self) -> None:
        self._engine: Engine = engine("reader").execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._kafka: ExitStack | None = None
        self._client: Any = None

    def __enter__(self) -> Self:
        """Connects on first use."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._disconnect()
        self._engine.dispose()

    def ends(self) -> Mapping[LogPlace, int]:
        """The log ends of all topics that something has to read.

        Raises:
            StartRefused: a topic is missing.
        """
        from kafka.admin import OffsetSpec

        with self._connected() as client:
            return _offsets(client, OffsetSpec.LATEST)

    def reached(self) -> ReaderPositions:
        """The group's positions first: the credits of what it has read are in the log by then."""
        from kafka.admin import OffsetSpec

        with self._connected() as client:
            offsets = _offsets(client, OffsetSpec.EARLIEST)
            committed = positions(ATTRIBUTION_GROUP, client)
        _raise(offsets, committed.items())
        try:
            with refusals_as_sentences():
                return self._books(offsets)
        except OperationalError as problem:
            raise ConnectionError(f"the database does not answer: {problem.orig}") from problem

    def _books(self, offsets: dict[LogPlace, int]) -> ReaderPositions:
        """Complete the positions by the books', all from one snapshot."""
        writer, progress = tables.writer.c, tables.reprice_progress.c
        with self._engine.connect() as connection:
            read = connection.execute(select(writer.partition, writer.next_offset)).all()
            registry = connection.execute(select(tables.registry_position.c.next_offset)).scalar_one()
            unpublished = unpublished_entries(connection)
            jobs = connection.execute(
                select(progress.partition, func.count()).where(~progress.done).group_by(progress.partition)
            ).all()
            commands = count_unpublished_commands(connection)
            statements = count_unpublished_statements(connection)
        _raise(offsets, (((CREDITS.name, partition), offset) for partition, offset in read))
        _raise(offsets, [((REGISTRY.name, 0), registry)])
        return ReaderPositions(offsets, dict(jobs), unpublished, commands, statements)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """The Kafka client; connects if need be."""
        from kafka.errors import KafkaError

        try:
            if self._kafka is None:
                self._kafka = ExitStack()
                self._client = self._kafka.enter_context(admin())
            yield self._client
        except ConnectionError:
            self._disconnect()
            raise
        except KafkaError as problem:
            self._disconnect()
            raise ConnectionError(f"Kafka does not answer: {problem}") from problem

    def _disconnect(self) -> None:
        if self._kafka is not None:
            self._kafka.close()
            self._kafka = None


def _offsets(client: Any, where: Any) -> dict[LogPlace, int]:
    """The offset at `where` of every partition that something has to read."""
    from kafka import TopicPartition
    from kafka.errors import UnknownTopicOrPartitionError

    try:
        found = client.list_partition_offsets({TopicPartition(*place): where for place in _PLACES})
    except UnknownTopicOrPartitionError as problem:
        raise StartRefused(f"a topic is missing ({problem}); run `koc topics apply`") from problem
    return {(at.topic, at.partition): answer.offset for at, answer in found.items()}


def _raise(offsets: dict[LogPlace, int], read: Iterable[tuple[LogPlace, int]]) -> None:
    """Let positions be at least what was read: where a log begins behind a reader, the rest of it is yet to come."""
    for place, offset in read:
        if place in offsets:
            offsets[place] = max(offsets[place], offset)


def wait_until_drained(timeout_seconds: float, progress: Callable[[str], None] = lambda _: None) -> float:
    """Wait until all that was published has reached the ledger topic; returns the seconds that it took.

    Args:
        timeout_seconds: after which to give up.
        progress: told what is waited for, a line whenever it changes.

    Raises:
        NotDrained: the time is up.
        StartRefused: topics or database addresses are missing.
    """
    with LivePositions() as positions:
        return drain(positions, timeout_seconds, progress).seconds
