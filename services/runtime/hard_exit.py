"""A hard exit for a process that did not end in order: it logs what its tasks wait for, and ends at once.

Nothing is lost, because only durable state counts. An orchestrator would also kill the process, but without a reason.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def end_hard_after(seconds: float, status: int, *loops: asyncio.AbstractEventLoop) -> None:
    """End the process with an exit status, if it still runs after this many seconds.

    Args:
        loops: the log line names their waiting tasks, beside those of the running loop.
    """
    running = asyncio.get_running_loop()
    running.call_later(seconds, _end, status, (running, *loops))


def _end(status: int, loops: Iterable[asyncio.AbstractEventLoop]) -> None:
    try:
        waits = {" > ".join(chain(task.get_coro())) for loop in loops for task in asyncio.all_tasks(loop)}
        log.error(
            "did not end in order and ends hard; records that are not durable are read again", waits=sorted(waits)
        )
    finally:
        os._exit(status)


def chain(waiting: Any) -> Iterator[str]:
    """The name and line of a coroutine, and of each coroutine that it awaits in turn."""
    while frame := getattr(waiting, "cr_frame", None):
        yield f"{waiting.__qualname__}:{frame.f_lineno}"
        waiting = waiting.cr_await
