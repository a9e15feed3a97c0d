"""The worker with one injected fault: `python attribution_broken_worker.py FAULT`, one of FAULTS.

Two are killed: with a snapshot's files uploaded and its manifest not, and with one fetched and not in place. One never
comes to its end, and one stays in its group for a minute after it fell silent.
"""

import asyncio
import os
import signal
import sys
from typing import Any

import obstore
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from services.attribution.snapshots import keeper
from services.attribution.state.store import Store
from services.attribution.stream import producer
from services.attribution.stream.producer import Outbox
from services.attribution.worker import app
from services.attribution.worker.partitions import AssignedPartitions
from services.attribution.worker.process import Pipeline
from services.kernel.errors import InvariantBroken

GOOD_CHUNKS = 3
process, take_acknowledgements, put = Pipeline.process, Outbox.take_acknowledgements, obstore.put
seen = 0


async def fail_after_a_while(pipeline, store, chunk):
    global seen  # noqa: PLW0603 - of this process
    seen += 1
    await process(pipeline, store, chunk)
    if seen > GOOD_CHUNKS:
        raise ValueError("injected handler error")


def failed_send(sender):
    awaited = take_acknowledgements(sender)
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


async def cut(*_, **__):
    raise InvariantBroken("injected: the log was cut")


async def stuck(*_, for_good=False):
    await asyncio.sleep(1000 if for_good else 0)


def nobody_there():
    return {"bootstrap_servers": "127.0.0.1:1"}


FAULTS: dict[str, list[tuple[Any, str, Any]]] = {
    "handler": [(Pipeline, "process", fail_after_a_while)],
    "produce": [(Outbox, "take_acknowledgements", failed_send)],
    "checkpoint": [(Store, "write", disk_full)],
    "upload": [(obstore, "put", put_and_be_killed)],
    "download": [(keeper, "put_in_place", killed)],
    "fetch": [(AIOKafkaConsumerThread, "_fetch_records", cut)],
    "away": [(producer, "aiokafka_options", nobody_there)],
    "stop": [(AssignedPartitions, "close", stuck), (app, "_STOP_SECONDS", 2.0)],
    "session": [(app, "_SESSION_SECONDS", 60.0)],
}


if __name__ == "__main__":
    for fault in FAULTS[sys.argv[1]]:
        setattr(*fault)
    sys.argv = ["koc", "attribution", "worker"]
    from services.cli.main import app

    app()
