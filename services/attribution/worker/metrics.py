"""Metrics of the worker, set in one place by the partitions and the pipeline."""

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from schemas.reasons import Reason
from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.horizons import ALWAYS
from services.attribution.state.store import Store
from services.attribution.stream.fetch import Chunk
from services.kernel.time import SECOND
from services.runtime import metrics
from services.runtime.lag import lag_watch


@cache
def _counted() -> dict[tuple[str, int], int]:
    """By topic and partition, the next offset after the events that were counted: by this process, or before it."""
    return {}


def remember_counted(positions: Mapping[tuple[str, int], int]) -> None:
    """What the group has read was counted by the processes that read it."""
    _counted().update(positions)


def count_chunk(chunk: Chunk, duplicates: int, refused: Sequence[str], rerouted: int, seconds: float) -> None:
    """Count an applied chunk; the events of one that was counted before count as repeated, and as nothing else.

    Args:
        chunk: with all its events.
        duplicates: how many events have no effect.
        refused: the reason of each event that went to the dead-letter topic because of the chunk.
        rerouted: how many were published again to their key's partition.
        seconds: it took.
    """
    known, place = metrics.attribution(), (chunk.topic, chunk.partition)
    known.batch_records.observe(len(chunk.records))
    known.batch_seconds.observe(seconds)
    if chunk.next <= _counted().get(place, 0):
        known.repeated.labels(chunk.topic).inc(len(chunk.records))
        return
    _counted()[place] = chunk.next
    known.consumed.labels(chunk.topic).inc(len(chunk.records))
    known.duplicates.labels(chunk.topic).inc(duplicates)
    known.rerouted.labels(chunk.topic).inc(rerouted)
    for reason in refused:
        known.refused.labels(chunk.topic, reason).inc()
    known.late.labels(chunk.topic).inc(refused.count(Reason.TOO_LATE))


def count_published(assertions: int, unattributed: int) -> None:
    """Count assertions that were handed to the producer."""
    metrics.attribution().credits.inc(assertions)
    metrics.attribution().unattributed.inc(unattributed)


def count_withheld(orders: int) -> None:
    """Count orders whose new truth is not published, because lost events could belong to them."""
    metrics.attribution().withheld.inc(orders)


def show_assignment(stores: Mapping[int, Store]) -> None:
    """Show an assignment by its open stores; the lag of partitions that went to other workers is no longer shown."""
    known = metrics.attribution()
    known.rebalances.inc()
    known.partitions.set(len(stores))
    lag_watch().assign(
        {(topic, n): offset for n, store in stores.items() for topic, offset in store.next_offsets.items()}
    )


def show_read(chunk: Chunk) -> None:
    """Show that a chunk is read, and not durable yet."""
    if chunk.records:
        lag_watch().take({(chunk.topic, chunk.partition): chunk.records[0].timestamp})


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


def clear_partitions() -> None:
    """Show nothing more of the partitions: their stores were closed, and other workers will show theirs."""
    known = metrics.attribution()
    known.snapshot_at.clear()
    known.snapshot_bytes.clear()
    known.watermark.clear()
    lag_watch().assign({})


def show_checkpoint(stores: Mapping[int, Store], seconds: float) -> None:
    """Show a checkpoint: its duration, the state in memory and on disk, what is durable, and how far event time is."""
    known = metrics.attribution()
    known.checkpoint_seconds.observe(seconds)
    known.checkpoint_at.set_to_current_time()
    known.hot_buyers.set(sum(store.cached_buyers() for store in stores.values()))
    known.state_bytes.set(sum(store.size_bytes() for store in stores.values()))
    for number, store in stores.items():
        offsets = {(topic, number): offset for topic, offset in store.durable.items()}
        lag_watch().move(offsets, {(topic, number): at for topic, at in store.applied_at.items()})
        for topic, at in ((CLICKS.name, store.shard.marks.clicks), (ORDERS.name, store.shard.marks.orders)):
            if at != ALWAYS:
                known.watermark.labels(topic, str(number)).set(at / SECOND)
