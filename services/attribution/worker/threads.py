"""The keeper's blocking calls, in threads: stores open all at once, and few snapshots are uploaded at a time."""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from schemas.topics import BUYER_PARTITIONS
from services.attribution.snapshots.keeper import FrozenStore, Keeper
from services.attribution.state.store import Store

UPLOADS_AT_ONCE = 4

P = ParamSpec("P")
R = TypeVar("R")


class KeeperThreads:
    """A keeper that does not block the worker's loop."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._openers = ThreadPoolExecutor(BUYER_PARTITIONS, "open")
        self._uploaders = ThreadPoolExecutor(UPLOADS_AT_ONCE, "snapshot")

    async def open_all(self, starts: Mapping[int, Mapping[str, int]]) -> dict[int, Store | BaseException]:
        """Open stores side by side: some may have to be fetched first, or ask an object store that does not answer.

        Args:
            starts: by partition number and topic, where the log starts.

        Returns:
            By partition number, the store or why it could not be opened.
        """
        opening = [_in_thread(self._openers, self._keeper.open, number, logs) for number, logs in starts.items()]
        opened = await asyncio.gather(*opening, return_exceptions=True)
        return dict(zip(starts, opened, strict=True))

    def why_lost(self, number: int) -> str:
        """Why the snapshots of a partition without history were not used; empty if there were none."""
        return self._keeper.why_lost(number)

    async def freeze(self, number: int) -> FrozenStore | None:
        """A copy of an open store as it was last written; None if a snapshot holds it already."""
        return await asyncio.to_thread(self._keeper.freeze, number)

    async def upload(self, frozen: Sequence[FrozenStore | None], seconds: float | None = None) -> None:
        """Upload frozen stores; after this many seconds the uploads go on without being waited for."""
        uploads = [_in_thread(self._uploaders, self._keeper.upload, one) for one in frozen if one is not None]
        if uploads:
            await asyncio.wait(uploads, timeout=seconds)

    def stop(self) -> None:
        """Begin no more uploads."""
        self._uploaders.shutdown(wait=False, cancel_futures=True)


def _in_thread(pool: ThreadPoolExecutor, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
    """As asyncio.to_thread, in one of our pools: log lines from there also name the process."""
    return asyncio.get_running_loop().run_in_executor(
        pool, functools.partial(contextvars.copy_context().run, call, *args, **kwargs)
    )
