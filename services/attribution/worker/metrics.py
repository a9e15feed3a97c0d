"""Metrics of the worker, set in one place by the partitions and the pipeline."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from faust.types import TP

from schemas.reasons import Reason
from services.attribution.state.store import Store
from services.runtime import metrics

_MILLI = 1000


def count_chunk(topic: str, records: int, duplicates: int, seconds: float) -> None:
    """Count an applied chunk."""
    known = metrics.attribution()
    known.consumed.labels(topic).inc(records)
    known.duplicates.labels(topic).inc(duplicates)
    known.batch_records.observe(records)
    known.batch_seconds.observe(seconds)


def count_published(assertions: int, unattributed: int) -> None:
    """Count assertions that were handed to the producer."""
    metrics.attribution().credits.inc(assertions)
    metrics.attribution().unattributed.inc(unattributed)


def count_withheld(orders: int) -> None:
    """Count orders whose new truth is not published, because lost events could belong to them."""
    metrics.attribution().withheld.inc(orders)


def count_refusal(topic: str, reason: str) -> None:
    """Count an event that went to the dead-letter topic."""
    metrics.attribution().refused.labels(topic, reason).inc()
    if reason == Reason.TOO_LATE:
        metrics.attribution().late.labels(topic).inc()


def count_rerouted(topic: str) -> None:
    """Count an event that was published again to its own partition."""
    metrics.attribution().rerouted.labels(topic).inc()


def show_assignment(numbers: Sequence[int]) -> None:
    """Show an assignment; the lag of partitions that went to other workers is no longer shown."""
    known = metrics.attribution()
    known.rebalances.inc()
    known.partitions.set(len(numbers))
    metrics.common().lag_records.clear()
    metrics.common().lag_seconds.clear()


def count_produce_failure() -> None:
    """Count a send without acknowledgement, which stops the worker."""
    metrics.attribution().produce_failures.inc()


def watch_disks(folders: Mapping[str, Path]) -> None:
    """Show the room on the file systems of these folders, by the name of each; it is looked up at each scrape."""
    known = metrics.attribution()
    for volume, folder in folders.items():
        known.disk_free.labels(volume).set_function(partial(_bytes_of_disk, folder, "free"))
        known.disk_size.labels(volume).set_function(partial(_bytes_of_disk, folder, "total"))


def _bytes_of_disk(folder: Path, what: str) -> float:
    """Bytes that are free, or in total; not a number where the folder is away, so that the other metrics are served."""
    try:
        return float(getattr(shutil.disk_usage(folder), what))
    except OSError:
        return math.nan


def clear_snapshots() -> None:
    """Show no more snapshots: the stores were closed, and other workers will show theirs."""
    metrics.attribution().snapshot_at.clear()
    metrics.attribution().snapshot_bytes.clear()


def show_checkpoint(stores: Mapping[int, Store], consumer: Any, seconds: float) -> None:
    """Show a checkpoint: its duration, the state in memory and on disk, and the lag behind the logs."""
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
