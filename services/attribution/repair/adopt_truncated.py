"""`koc attribution adopt-truncated`: go on after the logs have lost records that the state needs.

A partition without history gets an empty store that begins where its logs now begin. It publishes only orders that no
lost event can belong to. The last published truth of other orders stays as it is.
"""

import time
from collections.abc import Mapping

import msgspec

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.domain.horizons import Watermarks
from services.attribution.domain.truncation import publish_from
from services.attribution.repair.workshop import Workshop, check_stopped
from services.attribution.snapshots.choose import StoreRequirements
from services.attribution.state.metadata import Meta
from services.kernel.errors import StartRefused
from services.runtime.kafka import kafka_python_options
from services.runtime.log_offsets import ends
from services.runtime.topics import log_starts

_MICROS = 1000
_SECOND_MICROS = 1_000_000
_READ_SECONDS = 30.0


class AdoptedPartition(msgspec.Struct, frozen=True):
    """A partition that begins again where its logs begin.

    Attributes:
        starts: by topic, the first offset of the log.
        publish_from: orders that were paid from this time on are published.
    """

    partition: int
    starts: dict[str, int]
    publish_from: int


def partitions_without_history(workshop: Workshop) -> dict[int, dict[str, int]]:
    """The partitions without history, with the starts of their logs by topic.

    Raises:
        StartRefused: workers run, or a state does not fit this process for another reason.
    """
    check_stopped()
    starts = log_starts((CLICKS.name, ORDERS.name))
    found = {}
    for partition in range(BUYER_PARTITIONS):
        own = {topic: start for (topic, number), start in starts.items() if number == partition}
        if any(own.values()) and not _can_be_read_on(workshop, partition, own):
            found[partition] = own
    return found


def _can_be_read_on(workshop: Workshop, partition: int, starts: Mapping[str, int]) -> bool:
    """Whether the disk or a snapshot holds a usable state; the further one of the two need not be usable."""
    wanted = StoreRequirements(workshop.world.terms(partition), starts)
    for look in (workshop.on_disk, workshop.newest_snapshot):
        found = look(partition)
        if found.database is not None:
            found.database.close()
        if found.meta is not None and wanted.hole(found.meta) is None:
            return True
    return False


def adopt(workshop: Workshop, partition: int, starts: dict[str, int]) -> AdoptedPartition:
    """Let a partition begin again where its logs begin."""
    last = workshop.last(partition)
    if last.database is not None:
        last.database.close()
    horizons = workshop.world.policies.horizons
    clicks_from, orders_from = (_kept_from(topic.name, partition, starts[topic.name]) for topic in (CLICKS, ORDERS))
    since = publish_from(clicks_from, orders_from, horizons)
    log = 0 if last.meta is None else last.meta.log
    meta = Meta(workshop.world.terms(partition), dict(starts), Watermarks(), log, since)
    workshop.hand_out(meta, workshop.make(meta, iter(())))
    return AdoptedPartition(partition, starts, since)


def _kept_from(topic: str, partition: int, start: int) -> int | None:
    """The broker's time of the first kept record, in microseconds; None if no record is lost.

    For an empty log this is the current time: all lost records are older.
    """
    from kafka import KafkaConsumer, TopicPartition

    if start == 0:
        return None
    at = TopicPartition(topic, partition)
    consumer = KafkaConsumer(**kafka_python_options(), group_id=None, enable_auto_commit=False)
    try:
        consumer.assign([at])
        consumer.seek(at, start)
        deadline = time.monotonic() + _READ_SECONDS
        while consumer.position(at) < ends(consumer, [at])[at]:
            if records := consumer.poll(timeout_ms=500, max_records=1).get(at):
                return int(records[0].timestamp) * _MICROS
            if time.monotonic() > deadline:
                raise StartRefused(f"{topic}[{partition}] cannot be read at its start, {start}")
    finally:
        consumer.close()
    return int(time.time() * _SECOND_MICROS)
