"""Metrics of snapshots."""

from services.runtime import metrics


def count_opened(source: str) -> None:
    """Count an opened store by its origin."""
    metrics.attribution().opened.labels(source).inc()


def show_newest(partition: int, at: float) -> None:
    """Show when the newest snapshot of a partition was written (Unix time); 0 if there is none."""
    metrics.attribution().snapshot_at.labels(str(partition)).set(at)


def show_taken(partition: int, size_bytes: int, sent_bytes: int) -> None:
    """Show a complete snapshot."""
    known = metrics.attribution()
    known.snapshots.labels("taken").inc()
    known.snapshot_sent.inc(sent_bytes)
    known.snapshot_bytes.labels(str(partition)).set(size_bytes)
    known.snapshot_at.labels(str(partition)).set_to_current_time()


def show_unchanged(partition: int) -> None:
    """Show that the last snapshot still holds the whole state, which is as good as a new one."""
    metrics.attribution().snapshots.labels("unchanged").inc()
    metrics.attribution().snapshot_at.labels(str(partition)).set_to_current_time()


def count_failed() -> None:
    """Count a snapshot that could not be made."""
    metrics.attribution().snapshots.labels("failed").inc()
