"""`koc attribution adopt-truncated`: go on where records are gone that the state would have needed.

A partition that lacks history gets an empty store that begins where its log now begins, and publishes only orders to
which nothing that is gone can belong. What was published of others before stays as it was.
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
from services.runtime.topics import log_starts

_MICROS = 1000
_SECOND_MICROS = 1_000_000
_READ_SECONDS = 30.0


class AdoptedPartition(msgspec.Struct, frozen=True):
    """A partition that begins anew.

    Attributes:
        publish_from: orders paid from then on are published.
    """

    partition: int
    starts: dict[str, int]
    publish_from: int


def partitions_without_history(workshop: Workshop) -> dict[int, dict[str, int]]:
    """The partitions that cannot be read on, with the starts of their logs.

    Raises:
        StartRefused: workers run, or a state is not for this process for another reason.
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
    """Whether the disk or a snapshot holds a state that can; the further of them need not be the one."""
    wanted = StoreRequirements(workshop.world.terms(partition), starts)
    for look in (workshop.on_disk, workshop.newest_snapshot):
        found = look(partition)
        if found.database is not None:
            found.database.close()
        if found.meta is not None and wanted.hole(found.meta) is None:
            return True
    return False


def adopt(workshop: Workshop, partition: int, starts: dict[str, int]) -> AdoptedPartition:
    """Begin a partition where its logs begin."""
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
    """The broker's time of the first record that is kept, in microseconds; None: none is gone.

    Of an empty log it is now: whatever is gone came before.
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
        while consumer.position(at) < consumer.end_offsets([at])[at]:
            if records := consumer.poll(timeout_ms=500, max_records=1).get(at):
                return int(records[0].timestamp) * _MICROS
            if time.monotonic() > deadline:
                raise StartRefused(f"{topic}[{partition}] cannot be read at its start, {start}")
    finally:
        consumer.close()
    return int(time.time() * _SECOND_MICROS)
