"""The end of a process that did not end in order: said with what it waited for, and then at once.

Nothing is lost by it, for nothing counts that is not durable. An orchestrator would do the same, and say nothing.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def end_hard_after(seconds: float, status: int, *loops: asyncio.AbstractEventLoop) -> None:
    """End the process with an exit status, if it is still there in so many seconds.

    Args:
        loops: whose tasks are named then, beside those of the running one.
    """
    running = asyncio.get_running_loop()
    running.call_later(seconds, _end, status, (running, *loops))


def _end(status: int, loops: Iterable[asyncio.AbstractEventLoop]) -> None:
    try:
        waits = {" > ".join(chain(task.get_coro())) for loop in loops for task in asyncio.all_tasks(loop)}
        log.error("did not end in order, so ends hard; what was not durable is read again", waits=sorted(waits))
    finally:
        os._exit(status)


def chain(waiting: Any) -> Iterator[str]:
    """A coroutine's name and line, and those of what it awaits in turn."""
    while frame := getattr(waiting, "cr_frame", None):
        yield f"{waiting.__qualname__}:{frame.f_lineno}"
        waiting = waiting.cr_await
