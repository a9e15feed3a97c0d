"""`koc attribution rebase`: keep the state when its topics were made again, or moved to another cluster.

The furthest state of every partition gets negative offsets and a greater `log`. All its orders are published again
under this `log` and acknowledged. Then the state becomes the snapshot that workers start from. After a failure, another
run goes on with the partitions that are left; assertions that are published twice are the same.
"""

from collections.abc import Iterator

import msgspec

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.domain.horizons import Watermarks
from services.attribution.domain.rebasing import rebased_buyer
from services.attribution.repair.workshop import LastState, StoredRows, Workshop, check_stopped
from services.attribution.snapshots.manifest import hash_of_topics
from services.attribution.state import buyer_rows, keys
from services.attribution.state.metadata import Meta, StoreTerms, may_carry_on
from services.attribution.state.rocksdb import RocksKeyValue
from services.attribution.state.store import Store
from services.attribution.stream.producer import Outbox
from services.attribution.worker.process import Pipeline


class RebasedPartition(msgspec.Struct, frozen=True):
    """A rebased partition: its new generation, and the number of its published orders."""

    partition: int
    log: int
    orders: int


async def rebase(workshop: Workshop) -> list[RebasedPartition]:
    """Rebase every partition that is not rebased yet. Returns them; none if the state belongs to these topics.

    Raises:
        StartRefused: workers run, or the state differs from this process in more than its topics.
    """
    check_stopped()
    log, left = _generation(workshop)
    outbox = Outbox()
    await outbox.start()
    try:
        return [await _rebase(workshop, outbox, partition, log) for partition in left]
    finally:
        await outbox.stop()


def _generation(workshop: Workshop) -> tuple[int, list[int]]:
    """The generation to rebase to, one for all partitions, and the partitions that have not reached it."""
    own, before, reached = hash_of_topics(workshop.world.topic_ids), -1, {}
    for partition in range(BUYER_PARTITIONS):
        generations = workshop.generations(partition)
        reached[partition] = max((log for topics, log in generations if topics == own), default=-1)
        before = max([before, *(log for topics, log in generations if topics != own)])
    if before < 0:
        return 0, []
    log = max(before + 1, *reached.values())
    return log, [partition for partition, reached_log in reached.items() if reached_log < log]


async def _rebase(workshop: Workshop, outbox: Outbox, partition: int, log: int) -> RebasedPartition:
    terms, last = workshop.world.terms(partition), workshop.last(partition)
    meta = _rebased_meta(last.meta, terms, log)
    database = workshop.make(meta, _rebased_rows(last))
    if last.database is not None:
        last.database.close()
    orders = await _publish_all(outbox, partition, Store(database, terms, workshop.world.policies.rules))
    workshop.hand_out(meta, database)
    return RebasedPartition(partition, log, orders)


async def _publish_all(outbox: Outbox, partition: int, store: Store) -> int:
    """Publish all orders, and wait until the brokers have them. Returns the number of orders."""
    with store.publishing_all():
        await Pipeline(outbox).publish_all(partition, store)
        for sent in outbox.take_acknowledgements():
            await sent
    return sum(len(buyer.orders) for _, buyer in store.every_buyer())


def _rebased_meta(old: Meta | None, now: StoreTerms, log: int) -> Meta:
    """The metadata of a store after a rebase: it reads the new topics from their start.

    Raises:
        StartRefused: the old store differs in more than its topics.
    """
    start = {CLICKS.name: 0, ORDERS.name: 0}
    if old is None:
        return Meta(now, start, Watermarks(), log)
    may_carry_on(msgspec.structs.replace(old.terms, topic_ids=now.topic_ids), now)
    return Meta(now, start, old.marks, log, old.publish_from)


def _rebased_rows(last: LastState) -> StoredRows:
    """All buyers and waiting records of a store, with the offsets of an earlier generation."""
    if last.database is None or last.meta is None:
        return
    clicks, orders = (last.meta.next_offsets.get(topic.name, 0) for topic in (CLICKS, ORDERS))
    for buyer_id, buyer in buyer_rows.read_buyers(last.database.scan(buyer_rows.BUYER)):
        yield from buyer_rows.rows_of(buyer_id, rebased_buyer(buyer, clicks, orders))
    yield from _rebased_waiting(last.database, orders)


def _rebased_waiting(database: RocksKeyValue, orders: int) -> Iterator[tuple[bytes, bytes]]:
    for key, row in database.scan(keys.WAITING):
        (occurred_at, offset), held = keys.place_of(key), keys.decode_held(row)
        moved = held._replace(offset=held.offset - orders)
        yield keys.waiting_key((occurred_at, offset - orders)), keys.encode_held(moved)
