"""A real attribution worker, and what a reader of its credits ends with."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.topics import CREDITS
from tests.kit.attribution_group import lag
from tests.kit.processes import KocProcess
from tests.kit.topics import records
from tests.kit.waiting import SECONDS, until
from tests.reference.credits_reader import read_messages

BROKEN = Path(__file__).with_name("attribution_broken_worker.py")


class Worker(KocProcess):
    """`koc attribution worker` in a folder of its own."""

    def __init__(self, folder: Path, name: str = "attribution-1", environment: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, name, ["attribution", "worker"], environment)

    def start(self, break_how: str | None = None) -> None:
        """Start it; `break_how` names an injected fault of attribution_broken_worker.py."""
        if break_how is None:
            super().start()
        else:
            self._run([sys.executable, str(BROKEN), break_how])


def drained(worker: Worker, seconds: float = SECONDS) -> None:
    """Wait until the worker is ready and all inputs are durable in its stores."""
    until(worker.is_ready, "it is ready", seconds, worker)
    until(lambda: lag() == 0, "all inputs are durable", seconds, worker)


def truth() -> dict[tuple[str, str], dict[str, Any]]:
    """What a reader of the credits topic ends with, by (order_id, line_id)."""
    reader = read_messages(record.value for record in records(CREDITS.name))
    assert reader.contradictions == []
    return {(order_id, line_id): message for (_, order_id, line_id), message in reader.accepted.items()}
