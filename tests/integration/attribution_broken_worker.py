"""The worker with one injected fault: `python attribution_broken_worker.py handler|produce|checkpoint`."""

import asyncio
import sys

from services.attribution.adapters.outbox import Outbox
from services.attribution.adapters.pipeline import Pipeline
from services.attribution.adapters.store import Store

GOOD_CHUNKS = 3


def _break(how: str) -> None:
    process, take_awaited = Pipeline.process, Outbox.take_awaited
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

    def disk_full(*_):
        raise OSError("injected: no space left on device")

    if how == "handler":
        Pipeline.process = fail_after_a_while
    elif how == "produce":
        Outbox.take_awaited = failed_send
    elif how == "checkpoint":
        Store.write = disk_full
    else:
        raise SystemExit(f"what is {how}?")


if __name__ == "__main__":
    _break(sys.argv[1])
    sys.argv = ["koc", "attribution", "worker"]
    from services.cli.main import app

    app()
