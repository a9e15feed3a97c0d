"""The worker with one injected fault: `python attribution_broken_worker.py handler|produce|checkpoint|upload|download`.

The last two are killed: with a snapshot's files uploaded and its manifest not, and with one fetched and not in place.
"""

import asyncio
import os
import signal
import sys
from typing import Any

import obstore

from services.attribution.adapters import keeping
from services.attribution.adapters.outbox import Outbox
from services.attribution.adapters.pipeline import Pipeline
from services.attribution.adapters.store import Store

GOOD_CHUNKS = 3


def _break(how: str) -> None:
    process, take_awaited, put = Pipeline.process, Outbox.take_awaited, obstore.put
    seen = 0

    async def fail_after_a_while(pipeline, store, chunk):
        nonlocal seen
        seen += 1
        await process(pipeline, store, chunk)
        if seen > GOOD_CHUNKS:
            raise ValueError("injected handler error")

    def failed_send(outbox):
        awaited = take_awaited(outbox)
        if awaited:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(RuntimeError("injected delivery error"))
            awaited.append(failed)
        return awaited

    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def put_and_be_killed(store, path, content, **options):
        return killed() if "/manifests/" in path else put(store, path, content, **options)

    def disk_full(*_):
        raise OSError("injected: no space left on device")

    faults: dict[str, tuple[Any, str, Any]] = {
        "handler": (Pipeline, "process", fail_after_a_while),
        "produce": (Outbox, "take_awaited", failed_send),
        "checkpoint": (Store, "write", disk_full),
        "upload": (obstore, "put", put_and_be_killed),
        "download": (keeping, "put_in_place", killed),
    }
    setattr(*faults[how])


if __name__ == "__main__":
    _break(sys.argv[1])
    sys.argv = ["koc", "attribution", "worker"]
    from services.cli.main import app

    app()
