"""The state of one partition number: hot buyers in a dict, the rest in a KeyValue, and checkpoints between them."""

from collections.abc import Container, Iterator
from functools import partial
from typing import NamedTuple

from services.attribution.apply.apply import Shard
from services.attribution.apply.sweep import Sweep
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import useful
from services.attribution.domain.horizons import Watermarks
from services.attribution.domain.policy import Rules
from services.attribution.state import keys
from services.attribution.state.buyer_cache import MAX_HOT, Hot
from services.attribution.state.buyer_rows import BUYER, Rows, past, read_buyers
from services.attribution.state.keyvalue import KeyValue
from services.attribution.state.metadata import Meta, Terms, decode_meta, encode_meta, may_carry_on


class Checkpoint(NamedTuple):
    """State as of one moment, ready to be written once everything published up to then is acknowledged."""

    rows: Rows
    next_offsets: dict[str, int]


def stored_buyers(database: KeyValue, after: str) -> Iterator[tuple[str, Buyer]]:
    """All buyers of a database with a greater id than this."""
    return read_buyers(database.scan(BUYER, past(after) if after else b""))


class Store:
    """One partition's state. `next_offsets` is applied, `durable` is written; both by topic.
    `applied_at` is the broker's time (milliseconds) of the last record applied of each topic.

    A checkpoint is taken in two steps, so that the worker need not stand still while the broker acknowledges:
    `take()` encodes what changed, later `write()` makes it durable in ONE write batch.

    Either may be cut off by a cancelled task: at a stop, at a rebalance. Then what is in memory is no longer what the
    offsets say, and must not be written: `is_whole` is False until the store is opened again.

    Attributes:
        is_applying: a chunk is being applied, or all is being published again, or that was cut off.

    Raises:
        StartRefused: the stored terms are not those of this process.
    """

    def __init__(self, database: KeyValue, terms: Terms, rules: Rules, max_hot: int = MAX_HOT) -> None:
        self._database = database
        self._terms = terms
        self._hot = Hot(database, max_hot)
        row, swept = database.get_many([keys.META_KEY, keys.SWEEP_KEY])
        self._sweep = Sweep(partial(stored_buyers, database), (swept or b"").decode())
        meta = Meta(terms, {}, Watermarks()) if row is None else decode_meta(row)
        self.must_publish_all = may_carry_on(meta.terms, terms)
        self.is_new = row is None
        self.next_offsets = dict(meta.next_offsets)
        self.durable = dict(meta.next_offsets)
        self.applied_at: dict[str, int] = {}
        self.is_applying = self._is_taken = False
        room = WaitingRoom({keys.place_of(k): keys.decode_held(v) for k, v in database.scan(keys.WAITING)})
        self.shard = Shard(self._hot, room, rules, terms.horizons, meta.log, meta.marks, meta.publish_from)

    @property
    def is_whole(self) -> bool:
        """Whether a checkpoint may be taken: no chunk is half applied, and the last checkpoint was written."""
        return not (self.is_applying or self._is_taken)

    @property
    def local(self) -> Container[str]:
        """Buyers in memory: they are known to belong here."""
        return self._hot.buyers

    def hot_buyers(self) -> int:
        """Buyers in memory."""
        return len(self._hot.buyers)

    def size_bytes(self) -> int:
        """What the store takes on disk, about."""
        return self._database.size_bytes()

    def every_buyer(self, after: str = "") -> Iterator[tuple[str, Buyer]]:
        """All stored buyers with a greater id; what changed since the last checkpoint is not in it."""
        return stored_buyers(self._database, after)

    def take(self) -> Checkpoint:
        """Encode what changed since the last checkpoint, and what the next reader has to know."""
        self._is_taken = True
        shard = self.shard
        since = useful(shard.marks, shard.horizons)
        swept = self._sweep.step(since, self._hot.dirty)
        rows = self._hot.take(since)
        for buyer_id, buyer, gone in swept:
            rows |= self._hot.put(buyer_id, buyer, gone)
        rows[keys.SWEEP_KEY] = self._sweep.after.encode()
        for place in shard.room.removed:
            rows[keys.waiting_key(place)] = None
        for place, held in shard.room.added.items():
            rows[keys.waiting_key(place)] = keys.encode_held(held)
        next_offsets = dict(self.next_offsets)
        rows[keys.META_KEY] = encode_meta(Meta(self._terms, next_offsets, shard.marks, shard.log, shard.publish_from))
        shard.room.written()
        return Checkpoint(rows, next_offsets)

    def write(self, checkpoint: Checkpoint) -> None:
        """Make a checkpoint durable; its predecessor must be."""
        self._database.write(checkpoint.rows)
        self.durable = checkpoint.next_offsets
        self._is_taken = False
        self._hot.make_room()

    def close(self) -> None:
        """Close the database; what is not written is read again from the log."""
        self._database.close()
