"""A real attribution worker, and what a reader of its credits ends with."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.topics import CREDITS
from services.settlement.domain.lines.vectors import Vector, dominates
from tests.kit.attribution_group import lag
from tests.kit.processes import KocProcess
from tests.kit.topics import records
from tests.kit.waiting import until

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


def drained(worker: Worker, seconds: float = 60.0) -> None:
    """Wait until the worker is ready and all inputs are durable in its stores."""
    until(worker.is_ready, "it is ready", seconds, worker)
    until(lambda: lag() == 0, "all inputs are durable", seconds, worker)


def truth() -> dict[tuple[str, str], dict[str, Any]]:
    """What a reader of the credits topic ends with, by (order_id, line_id): accept only what dominates."""
    accepted: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records(CREDITS.name):
        new = json.loads(record.value)
        old = accepted.get((new["order_id"], new["line_id"]))
        if old is None or dominates(_vector(new), _vector(old)):
            if old is not None and old["version"] == new["version"]:
                assert new == old
            accepted[new["order_id"], new["line_id"]] = new
    return accepted


def _vector(assertion: dict[str, Any]) -> Vector:
    version = assertion["version"]
    return version["log"], version["rules"], version["touch"], version["order"]
