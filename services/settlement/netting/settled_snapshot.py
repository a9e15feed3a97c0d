"""A snapshot from which nets may be planned: no line in it waits for a new price."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from services.kernel.errors import Stalled
from services.settlement.books.net_ports import NetSnapshot

PATIENCE_SECONDS = 60.0
"""How long to wait for a snapshot in which no line waits for a new price."""

SomeSnapshot = TypeVar("SomeSnapshot", bound=NetSnapshot)


@contextmanager
def settled_snapshot(
    open_snapshot: Callable[[], AbstractContextManager[SomeSnapshot]], progress: Callable[[str], None]
) -> Iterator[SomeSnapshot]:
    """A snapshot in which no reprice job is open: lines are booked, and due, as the registry says at its point.

    Raises:
        Stalled: there was none for PATIENCE_SECONDS.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with open_snapshot() as snapshot:
            if not snapshot.open_jobs():
                yield snapshot
                return
        progress("waiting: lines are being priced again")
        if time.monotonic() >= deadline:
            raise Stalled("lines wait to be priced again for a minute already: is a poster at work?")
        time.sleep(0.1)
