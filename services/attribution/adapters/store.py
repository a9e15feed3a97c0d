"""The state of one partition number: hot buyers in a dict, the rest in a KeyValue, and checkpoints between them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from services.attribution.adapters import codec
from services.attribution.adapters.keyvalue import KeyValue
from services.attribution.adapters.terms import Meta, Terms, decode_meta, encode_meta, may_carry_on
from services.attribution.application.apply import Shard
from services.attribution.application.sweep import Sweep
from services.attribution.application.waiting import WaitingRoom
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import forget, useful
from services.attribution.domain.horizons import Watermarks
from services.attribution.domain.policy import Rules

MAX_HOT = 20_000
"""Buyers of one partition held in memory between checkpoints; more are dropped, clean ones only."""


class Checkpoint(NamedTuple):
    """State as of one moment, ready to be written once everything published up to then is acknowledged."""

    rows: dict[bytes, bytes | None]
    next_offsets: dict[str, int]


class Store:
    """One partition's state. `next_offsets` is applied, `durable` is written; both by topic.
    `applied_at` is the broker's time (milliseconds) of the last record applied of each topic.

    A checkpoint is taken in two steps, so that the worker need not stand still while the broker acknowledges:
    `take()` encodes what changed, later `write()` makes it durable in ONE write batch.

    Raises:
        StartRefused: the stored terms are not those of this process.
    """

    def __init__(self, database: KeyValue, terms: Terms, rules: Rules, max_hot: int = MAX_HOT) -> None:
        self._database = database
        self._terms = terms
        self._max_hot = max_hot
        self._hot: dict[str, Buyer] = {}
        self._dirty: set[str] = set()
        row, swept = database.get_many([codec.META_KEY, codec.SWEEP_KEY])
        self._sweep = Sweep(self.every_buyer, (swept or b"").decode())
        meta = Meta(terms, {}, Watermarks()) if row is None else decode_meta(row)
        self.must_publish_all = may_carry_on(meta.terms, terms)
        self.is_new = row is None
        self.next_offsets = dict(meta.next_offsets)
        self.durable = dict(meta.next_offsets)
        self.applied_at: dict[str, int] = {}
        room = WaitingRoom({codec.place_of(k): codec.decode_held(v) for k, v in database.scan(codec.WAITING)})
        self.shard = Shard(self, room, rules, terms.horizons, meta.log, meta.marks, meta.publish_from)

    def fetch(self, buyer_ids: Iterable[str]) -> Mapping[str, Buyer]:
        """A mapping that holds at least these buyers; one database read for all that are missing."""
        hot = self._hot
        missing = [buyer_id for buyer_id in buyer_ids if buyer_id not in hot]
        if missing:
            rows = self._database.get_many([codec.buyer_key(buyer_id) for buyer_id in missing])
            for buyer_id, row in zip(missing, rows, strict=True):
                hot[buyer_id] = Buyer() if row is None else codec.decode_buyer(row)
        return hot

    def changed(self, buyer_ids: Iterable[str]) -> None:
        """These buyers differ from what is stored."""
        self._dirty.update(buyer_ids)

    def is_hot(self, buyer_id: str) -> bool:
        """Whether a buyer is in memory, and so known to belong here."""
        return buyer_id in self._hot

    def hot_buyers(self) -> int:
        """Buyers in memory."""
        return len(self._hot)

    def size_bytes(self) -> int:
        """What the store takes on disk, about."""
        return self._database.size_bytes()

    def every_buyer(self, after: str = "") -> Iterator[tuple[str, Buyer]]:
        """All stored buyers with a greater id; what changed since the last checkpoint is not in it."""
        for key, row in self._database.scan(codec.BUYER, codec.buyer_key(after) + b"\0" if after else b""):
            yield codec.buyer_id_of(key), codec.decode_buyer(row)

    def take(self) -> Checkpoint:
        """Encode what changed since the last checkpoint, and what the next reader has to know."""
        shard, hot = self.shard, self._hot
        rows: dict[bytes, bytes | None] = {}
        since = useful(shard.marks, shard.horizons)
        for buyer_id in self._dirty:
            buyer = hot[buyer_id]
            forget(buyer, since)
            rows[codec.buyer_key(buyer_id)] = codec.row_of(buyer)
        for buyer_id, buyer in self._sweep.step(since, self._dirty):
            rows[codec.buyer_key(buyer_id)] = codec.row_of(buyer)
        rows[codec.SWEEP_KEY] = self._sweep.after.encode()
        for place in shard.room.removed:
            rows[codec.waiting_key(place)] = None
        for place, held in shard.room.added.items():
            rows[codec.waiting_key(place)] = codec.encode_held(held)
        next_offsets = dict(self.next_offsets)
        rows[codec.META_KEY] = encode_meta(Meta(self._terms, next_offsets, shard.marks, shard.log, shard.publish_from))
        self._dirty.clear()
        shard.room.written()
        return Checkpoint(rows, next_offsets)

    def write(self, checkpoint: Checkpoint) -> None:
        """Make a checkpoint durable; its predecessor must be."""
        self._database.write(checkpoint.rows)
        self.durable = checkpoint.next_offsets
        if len(self._hot) > self._max_hot:
            self._hot = {buyer_id: self._hot[buyer_id] for buyer_id in self._dirty}

    def close(self) -> None:
        """Close the database; what is not written is read again from the log."""
        self._database.close()
