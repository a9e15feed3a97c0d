"""The consumer's side of ownership: partitions come and go, positions come from the database."""

from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from schemas.topics import CREDITS, REGISTRY
from services.kernel.errors import StartRefused
from services.runtime.groups import leave_group
from services.runtime.kafka import kafka_python_options
from services.runtime.metrics import poster
from services.runtime.settings import settings
from services.runtime.steady_answer import steady_answer
from services.settlement.books.positions import read_positions
from services.settlement.posting.unpacking import FetchedRecords

GROUP = "koc-settlement-poster"
SESSION_SECONDS = 10
"""Kafka moves the partitions of a silent poster after this; the database ends its transaction before (book.SESSION)."""
log = structlog.get_logger(__name__)


def make_consumer(batch_records: int) -> Any:
    """A consumer that never resets an offset and sees only committed records."""
    consumer = KafkaConsumer(
        **kafka_python_options(),
        group_id=GROUP,
        group_instance_id=settings().instance_id,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_poll_records=batch_records,
        session_timeout_ms=SESSION_SECONDS * 1000,
        heartbeat_interval_ms=2_000,
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=100,
    )
    consumer._fetcher.PartitionRecords = FetchedRecords  # noqa: SLF001 - kafka-python has no option for it
    return consumer


def join(consumer: Any, assignment: "Assignment") -> None:
    """Join the group, knowing the topics' partitions before.

    A kafka-python 3.0.12 leader assigns what it knew when it last heard of its topics, so metadata is fetched between
    subscribing and the first poll. Otherwise it assigns nothing, learns of the partitions a moment later, rebalances,
    and forgets that second join if a poll ends before it does: the poster would read nothing for ever.

    Raises:
        StartRefused: a topic does not exist, or is hidden from us.
        ConnectionError: the brokers gave no answer for half a minute.
    """
    names = [CREDITS.name, REGISTRY.name]
    consumer.subscribe(names, listener=assignment)
    if missing := sorted(set(names) - steady_answer(consumer.topics, lambda found: found >= set(names))):
        lacking = ", ".join(missing)
        raise StartRefused(f"topic {lacking} does not exist, or Kafka hides it from us: `koc topics check` says which")


def leave(consumer: Any) -> None:
    """Close the consumer of a poster that stops in order; the others get its partitions at once (KOC_LEAVE_ON_STOP).

    kafka-python takes only members without an instance id out of their group: the partitions of others stand still
    until the session ends.
    """
    member_id = consumer.group_metadata().member_id
    consumer.close(autocommit=False)
    if settings().leave_on_stop:
        leave_group(GROUP, settings().instance_id, member_id)


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Seeks to the database's offsets whenever partitions are assigned.

    Called on the client's own thread, perhaps while a batch is posted: so it only seeks, and leaves word that all
    that was fetched before is void. `next` is where each assigned partition's next batch must begin.
    """

    def __init__(self, consumer: Any, engine: Engine) -> None:
        self._consumer = consumer
        self._engine = engine
        self.next: dict[TopicPartition, int] = {}
        self.changed = False
        self.received = False

    def on_partitions_revoked(self, revoked: Any) -> None:
        """What was fetched is void."""
        del revoked
        self.changed = True

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Seek, so that the client never looks for an offset of its own; the loop seeks again before it reads."""
        self.changed = self.received = True
        poster().rebalances.inc()
        log.info("partitions assigned", partitions=sorted((tp.topic, tp.partition) for tp in assigned))
        try:
            positions = read_positions(self._engine)
        except SQLAlchemyError as error:
            log.warning("no positions yet", error=str(error).partition("\n")[0])
            return
        for tp in assigned:
            self._consumer.seek(tp, positions[tp.topic, tp.partition])

    def seek_all(self) -> None:
        """Go to the database's offsets in every assigned partition.

        Raises:
            SQLAlchemyError: the database does not answer; then nothing may be read yet.
        """
        self.changed = False
        positions = read_positions(self._engine)
        assigned = self._consumer.assignment()
        self.next = {tp: positions[tp.topic, tp.partition] for tp in assigned}
        for tp, offset in self.next.items():
            self._consumer.seek(tp, offset)

    @property
    def credits(self) -> list[int]:
        """Numbers of the credits partitions that are ours."""
        return sorted(tp.partition for tp in self.next if tp.topic == CREDITS.name)

    @property
    def registry(self) -> TopicPartition | None:
        """The registry's partition where it is ours."""
        return next((tp for tp in self.next if tp.topic == REGISTRY.name), None)
