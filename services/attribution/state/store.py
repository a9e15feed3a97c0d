"""The state of one partition number: some buyers in memory, all in a database, and checkpoints between them."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

from services.attribution.apply.ports import Source
from services.attribution.apply.shard import Shard
from services.attribution.apply.sweep import Sweep
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import retention_of
from services.attribution.domain.horizons import Watermarks
from services.attribution.domain.policy import Rules
from services.attribution.state import keys
from services.attribution.state.buyer_cache import BuyerCache
from services.attribution.state.buyer_rows import BUYER, RowChanges, past, read_buyers
from services.attribution.state.keyvalue import KeyValue
from services.attribution.state.metadata import Meta, StoreTerms, decode_meta, encode_meta, may_carry_on
from services.kernel.errors import InvariantBroken


class Stretch(Protocol):
    """The records of [first, next) of one topic, without a hole."""

    @property
    def topic(self) -> str:
        """The input topic."""

    @property
    def first(self) -> int:
        """The first offset."""

    @property
    def next(self) -> int:
        """The offset after the last one."""

    @property
    def records(self) -> Sequence[Source]:
        """The records; an offset that is not for readers has none."""


class Checkpoint(NamedTuple):
    """The state of one moment, ready to be written once all records sent until then are acknowledged."""

    rows: RowChanges
    next_offsets: dict[str, int]


def stored_buyers(database: KeyValue, after: str = "") -> Iterator[tuple[str, Buyer]]:
    """All buyers of a database whose id is greater than `after`."""
    return read_buyers(database.scan(BUYER, past(after) if after else b""))


class Store:
    """One partition's state, and how far it has read.

    Only the store moves its offsets: at the end of an `applying` block, and when a checkpoint is written.

    A checkpoint has two steps, so that the worker does not stand still while the broker acknowledges: `take()` encodes
    the changes, and `write()` later makes them durable in ONE write batch.

    An exception or a cancelled task (at a stop, at a rebalance) may cut off a block or a checkpoint. Then the memory no
    longer matches the offsets and must not be written: `is_whole` is False until the store is opened again.

    Raises:
        StartRefused: the stored terms are not those of this process.
    """

    def __init__(self, database: KeyValue, terms: StoreTerms, rules: Rules) -> None:
        self._database = database
        self._terms = terms
        self._cache = BuyerCache(database)
        row, swept = database.get_many([keys.META_KEY, keys.SWEEP_KEY])
        self._sweep = Sweep(partial(stored_buyers, database), (swept or b"").decode())
        meta = Meta(terms, {}, Watermarks()) if row is None else decode_meta(row)
        self.must_publish_all = may_carry_on(meta.terms, terms)
        self._next_offsets = {**dict.fromkeys(terms.topic_ids, 0), **meta.next_offsets}
        self._durable = dict(meta.next_offsets)
        self._applied_at: dict[str, int] = {}
        self._is_applying = self._is_taken = False
        room = WaitingRoom({keys.place_of(k): keys.decode_held(v) for k, v in database.scan(keys.WAITING)})
        self.shard = Shard(self._cache, room, rules, terms.horizons, meta.log, meta.marks, meta.publish_from)

    @property
    def next_offsets(self) -> Mapping[str, int]:
        """By topic, the offset that is applied next."""
        return MappingProxyType(self._next_offsets)

    @property
    def durable(self) -> Mapping[str, int]:
        """By topic, the offset to read on from after a restart; empty before the first checkpoint."""
        return MappingProxyType(self._durable)

    @property
    def applied_at(self) -> Mapping[str, int]:
        """By topic, the broker's time (milliseconds) of the last record applied since the store was opened."""
        return MappingProxyType(self._applied_at)

    @property
    def is_whole(self) -> bool:
        """Whether memory matches the offsets: nothing is half applied, and the last checkpoint was written."""
        return not (self._is_applying or self._is_taken)

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the store has changes, and is whole, so that they may become durable."""
        return self.is_whole and self._next_offsets != self._durable

    @contextmanager
    def applying(self, stretch: Stretch) -> Iterator[None]:
        """Apply a stretch inside the block; at its end the stretch counts as read.

        Raises:
            InvariantBroken: records between the state and the stretch are missing, or an earlier block was cut off.
        """
        where, expected = f"{stretch.topic}[{self._terms.partition}]", self._next_offsets[stretch.topic]
        if self._is_applying:
            raise InvariantBroken(f"{where}: an earlier chunk was cut off")
        if stretch.first != expected:
            raise InvariantBroken(f"{where}: a chunk starts at {stretch.first}, expected {expected}", "input_log")
        with self._not_whole_meanwhile():
            yield
            self._next_offsets[stretch.topic] = stretch.next
            if stretch.records:
                self._applied_at[stretch.topic] = stretch.records[-1].timestamp

    @contextmanager
    def publishing_all(self) -> Iterator[None]:
        """Publish all orders again inside the block: a checkpoint before its end would record them as published."""
        with self._not_whole_meanwhile():
            yield

    @contextmanager
    def _not_whole_meanwhile(self) -> Iterator[None]:
        """The store is not whole during the block, and whole again only if the block comes to its end."""
        self._is_applying = True
        yield
        self._is_applying = False

    @property
    def local(self) -> Container[str]:
        """The ids of buyers in memory, which are known to belong to this partition."""
        return self._cache.buyers

    def cached_buyers(self) -> int:
        """The number of buyers in memory."""
        return len(self._cache.buyers)

    def size_bytes(self) -> int:
        """The approximate size of the store on disk."""
        return self._database.size_bytes()

    def every_buyer(self) -> Iterator[tuple[str, Buyer]]:
        """All buyers as of the last checkpoint."""
        return stored_buyers(self._database)

    def take(self) -> Checkpoint:
        """Encode all changes since the last checkpoint, with the offsets that they belong to."""
        self._is_taken = True
        shard = self.shard
        since = retention_of(shard.marks, shard.horizons)
        swept = self._sweep.step(since, self._cache.dirty)
        rows = self._cache.take(since)
        for buyer_id, buyer, forgotten in swept:
            rows |= self._cache.put(buyer_id, buyer, forgotten)
        rows[keys.SWEEP_KEY] = self._sweep.after.encode()
        for place in shard.room.removed:
            rows[keys.waiting_key(place)] = None
        for place, held in shard.room.added.items():
            rows[keys.waiting_key(place)] = keys.encode_held(held)
        next_offsets = dict(self._next_offsets)
        rows[keys.META_KEY] = encode_meta(Meta(self._terms, next_offsets, shard.marks, shard.log, shard.publish_from))
        shard.room.clear_changes()
        return Checkpoint(rows, next_offsets)

    def write(self, checkpoint: Checkpoint) -> None:
        """Make a checkpoint durable; its predecessor must be durable."""
        self._database.write(checkpoint.rows)
        self._durable = checkpoint.next_offsets
        self._is_taken = False
        self._cache.make_room()

    def close(self) -> None:
        """Close the database; changes that are not written will be read again from the logs."""
        self._database.close()
