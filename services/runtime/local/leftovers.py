"""What a crashed stack left behind: processes that still live, files that say it runs."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

from services.runtime.local.layout import Layout
from services.runtime.local.process import SUPERVISED_BY

_GRACE_SECONDS = 5.0


def end_leftovers(layout: Layout, postgres_home: str | None) -> list[str]:
    """End every process that an earlier supervisor of this folder left, and remove its files; what was ended.

    The kernel has already asked them to stop when the supervisor died; who is still there after a grace is killed.
    """
    data = Path(postgres_home) / "data" if postgres_home else None
    found = [process for process in psutil.process_iter(["name"]) if _is_ours(process, layout, data)]
    for process in found:
        _signal(process, signal.SIGINT if process.info["name"] == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(found, timeout=_GRACE_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)
    if data:
        (data / "postmaster.pid").unlink(missing_ok=True)
    layout.stack_file.unlink(missing_ok=True)
    for address in layout.run.glob("*.json"):
        address.unlink()
    return [f"{process.info['name']} ({process.pid})" for process in found]


def _is_ours(process: psutil.Process, layout: Layout, data: Path | None) -> bool:
    """Whether a supervisor of this folder started it; PostgreSQL's own children are known by where they stand."""
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.environ().get(SUPERVISED_BY) == str(layout.folder):
            return True
        return data is not None and process.cwd() == str(data)
    except psutil.Error:
        return False


def _signal(process: psutil.Process, which: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(which)
