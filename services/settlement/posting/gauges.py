"""What the books say about themselves, read every few seconds on a thread and a connection of their own.

KOC_GAUGE_SECONDS lie between two turns. However large the books are, a reading takes a fiftieth of the time at most:
one that took long is left out for some turns.
"""

import math
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from services.runtime.metrics import common, poster
from services.runtime.settings import settings
from services.settlement.books.seal_proof import SealWatch
from services.settlement.posting.readings import AT_EACH_TURN, NOW_AND_THEN

SLOW_EVERY = 12
"""Every so many turns (a minute, by default) NOW_AND_THEN is read."""
SEALS_EVERY = 120
"""Every so many turns (ten minutes, by default) one seal is proven, which reads the whole journal."""
REST = 50
"""A reading rests so many times as long as it took, and at most SLOW_EVERY turns: one that waited for a lock must not
leave a gauge old for long."""
_READINGS = {**dict.fromkeys(AT_EACH_TURN, 1), **dict.fromkeys(NOW_AND_THEN, SLOW_EVERY)}
log = structlog.get_logger(__name__)


class Gauges(threading.Thread):
    """Reads until the process ends; a database that does not answer leaves the last values."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="gauges", daemon=True)
        self._engine = engine
        self._end = threading.Event()
        self._seals = SealWatch()
        self._turn = 0
        self._due: dict[Callable[[Connection], None], int] = dict.fromkeys(_READINGS, 0)

    def run(self) -> None:
        """Read, wait, read again."""
        while not self._end.wait(settings().gauge_seconds):
            try:
                with self._engine.connect() as connection:
                    self.take_turn(connection)
            except SQLAlchemyError as error:
                log.warning("gauges not read", error=str(error).partition("\n")[0])

    def take_turn(self, connection: Connection) -> None:
        """Read what is due; what fails is due again at the next turn."""
        for read, every in _READINGS.items():
            if self._due[read] <= self._turn:
                began = time.perf_counter()
                read(connection)
                rest = REST * (time.perf_counter() - began) / settings().gauge_seconds
                self._due[read] = self._turn + max(every, min(math.ceil(rest), SLOW_EVERY))
        if self._turn % SEALS_EVERY == 0:
            read_seals(connection, self._seals)
        self._turn += 1


def read_seals(connection: Connection, watch: SealWatch) -> None:
    """Prove the next seal."""
    broken = watch.broken_after(connection)
    poster().seals_broken.set(broken)
    if broken:
        common().invariants.labels("seal").inc()
