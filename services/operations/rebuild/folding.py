"""The poster's work, once more and by one process: registry and credits up to a point, and all lines priced anew."""

from schemas.topics import CREDITS
from services.kernel.errors import InvariantBroken
from services.operations.rebuild.logs import LogReader
from services.operations.rebuild.report import RebuildProgress, RebuildReport
from services.operations.rebuild.scratch import ScratchBooks
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.ports import Batch
from services.settlement.books.registry_transaction import oldest_open_job, registry_transaction
from services.settlement.domain.lines.line import ContentConflict
from services.settlement.domain.pricing.reference import Reference
from services.settlement.posting.post_credits import OwnedElsewhere, post_batch
from services.settlement.posting.read_credits import explain_conflict
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.posting.take_registry import take_registry

_PARTITIONS = range(CREDITS.partitions)
_SAY_EVERY = 100_000


class Folding:
    """Brings the scratch books to points of the logs.

    Args:
        scratch: what is filled.
        logs: read on from where the last point was.
        zone_minutes: the settlement zone, minutes east of UTC.
        report: counts go there.
        progress: told how many credits are read.
    """

    def __init__(
        self,
        scratch: ScratchBooks,
        logs: LogReader,
        zone_minutes: int,
        report: RebuildReport,
        progress: RebuildProgress,
    ) -> None:
        self._book = scratch.book
        self._logs = logs
        self._zone = zone_minutes
        self._report = report
        self._progress = progress
        self._reference = Reference()
        self._said = 0

    def advance(self, point: RunPoint) -> None:
        """Take the registry, then the credits, up to a point; then price again what the registry has changed.

        Raises:
            InvariantBroken: two credits of one line contradict each other, and no command froze the line before.
        """
        for bounds, events in self._logs.registry(point.registry):
            with registry_transaction(self._book) as transaction:
                take_registry(transaction, bounds, events, self._reference, CREDITS.partitions, self._zone)
        for partition in _PARTITIONS:
            for batch in self._logs.credits(partition, point.credits[partition]):
                self._post(batch)
                self._say()
        while found := oldest_open_job(self._book, _PARTITIONS):
            with registry_transaction(self._book) as transaction:
                reprice_chunk(transaction, found.job, found.partition, self._reference, self._zone)

    def _post(self, batch: Batch) -> None:
        """Post a batch; again with other writers locked where it displaces lines of theirs."""
        also: set[int] = set()
        while True:
            try:
                with self._book.transaction() as transaction:
                    post_batch(transaction, batch, self._reference, self._zone, also)
            except OwnedElsewhere as elsewhere:
                also |= elsewhere.partitions
            except ContentConflict as conflict:
                raise InvariantBroken(explain_conflict(conflict)) from conflict
            else:
                return

    def _say(self) -> None:
        count = self._report.replayed["credits"]
        if count - self._said >= _SAY_EVERY:
            self._said = count
            self._progress(f"{count:,} credits posted")
