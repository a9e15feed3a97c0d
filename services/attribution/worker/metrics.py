"""What the worker shows of itself, set in one place from what the partitions and the pipeline already know."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from faust.types import TP

from services.attribution.state.store import Store
from services.runtime import metrics

_MILLI = 1000


def count_chunk(topic: str, records: int, duplicates: int, seconds: float) -> None:
    """A chunk was applied."""
    known = metrics.attribution()
    known.consumed.labels(topic).inc(records)
    known.duplicates.labels(topic).inc(duplicates)
    known.batch_records.observe(records)
    known.batch_seconds.observe(seconds)


def count_published(assertions: int, unattributed: int) -> None:
    """Assertions were handed to the producer."""
    metrics.attribution().credits.inc(assertions)
    metrics.attribution().unattributed.inc(unattributed)


def count_withheld(orders: int) -> None:
    """Orders had a new truth that is not published, because what is lost of the log could belong to them."""
    metrics.attribution().withheld.inc(orders)


def count_refusal(topic: str, reason: str) -> None:
    """An event went to the dead-letter topic."""
    metrics.attribution().refused.labels(topic, reason).inc()


def count_rerouted(topic: str) -> None:
    """An event was published again where it belongs."""
    metrics.attribution().rerouted.labels(topic).inc()


def show_assignment(numbers: Sequence[int]) -> None:
    """Partitions came; what is known of the lag of others is no longer ours to tell."""
    known = metrics.attribution()
    known.rebalances.inc()
    known.partitions.set(len(numbers))
    metrics.common().lag_records.clear()
    metrics.common().lag_seconds.clear()


def count_produce_failure() -> None:
    """A send was not acknowledged; the worker stops."""
    metrics.attribution().produce_failures.inc()


def clear_snapshots() -> None:
    """All stores were closed; their snapshots are for others to tell of."""
    metrics.attribution().snapshot_at.clear()
    metrics.attribution().snapshot_bytes.clear()


def show_checkpoint(stores: Mapping[int, Store], consumer: Any, seconds: float) -> None:
    """A checkpoint ended: how long it took, what is in memory and on disk, how far behind the logs we are."""
    known = metrics.attribution()
    known.checkpoint_seconds.observe(seconds)
    known.checkpoint_at.set_to_current_time()
    known.hot_buyers.set(sum(store.cached_buyers() for store in stores.values()))
    known.state_bytes.set(sum(store.size_bytes() for store in stores.values()))
    now = time.time()
    for number, store in stores.items():
        for topic, offset in store.durable.items():
            lag = max(0, (consumer.highwater(TP(topic, number)) or 0) - offset)
            metrics.common().lag_records.labels(topic, str(number)).set(lag)
            applied_at = store.applied_at.get(topic, 0) / _MILLI
            metrics.common().lag_seconds.labels(topic, str(number)).set(
                max(0.0, now - applied_at) if lag and applied_at else 0
            )
