"""How fast the attribution worker is, beside a loop that only reads the same records.

`raw_share` is the share of the raw loop's throughput per CPU second that the worker reaches: CPU per record of an
aiokafka loop that reads both topics and throws the records away, divided by the worker's CPU per event with everything
on (decoding, all rules, RocksDB, a checkpoint every second, every produce acknowledged). Both are user + system time of
their own process, without the time to start. `python -m tests.bench.attribution` on a running stack without workers.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError

from services.attribution.worker.startup import GROUP
from services.runtime.kafka import aiokafka_options, kafka_python_options
from services.runtime.topics import log_ends, log_starts
from tests.bench.attribution_events import load
from tests.kit.attribution_group import INPUTS, lag
from tests.kit.attribution_process import Worker
from tests.kit.waiting import until

EVENTS = 240_000
_POLL_SECONDS = 0.2
_MICRO = 1_000_000


def run(count: int = EVENTS) -> dict[str, float]:
    """Load events, run the raw loop and the worker over all that the topics hold; returns the three figures."""
    load(count, seed=int(time.time()))
    total = sum(log_ends(INPUTS).values()) - sum(log_starts(INPUTS).values())
    raw_us = _raw_loop()
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu_seconds = _worker(Path(folder))
    cpu_us = cpu_seconds / total * _MICRO
    return {
        "events_per_second": round(total / seconds),
        "cpu_us_per_event": round(cpu_us, 2),
        "raw_share": round(raw_us / cpu_us, 3),
    }


def _worker(folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds from ready to durable, with an empty store."""
    _forget_offsets()
    with Worker(folder) as worker:
        until(worker.is_ready, "ready", process=worker)
        process = psutil.Process(worker.pid)
        began, cpu_began = time.perf_counter(), _cpu(process)
        while lag():
            time.sleep(_POLL_SECONDS)
        seconds, cpu_seconds = time.perf_counter() - began, _cpu(process) - cpu_began
        worker.terminate()
    return seconds, cpu_seconds


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _forget_offsets() -> None:
    """What an earlier worker mirrored would look as if this one were done.

    A static member that has just ended stays in its group until its session is over; so long nobody else may commit.
    """
    consumer = KafkaConsumer(**kafka_python_options(), group_id=GROUP, enable_auto_commit=False)
    starts = {TopicPartition(*at): OffsetAndMetadata(start, "", -1) for at, start in log_starts(INPUTS).items()}
    consumer.assign(list(starts))

    def committed() -> bool:
        try:
            consumer.commit(starts)
        except CommitFailedError:
            return False
        return True

    until(committed, "the last worker's session is over")
    consumer.close()


def _raw_loop() -> float:
    """CPU microseconds a record of a process that only reads."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.attribution", "--raw"], check=True, capture_output=True, text=True
    )
    return float(json.loads(done.stdout)["cpu_us"])


async def _read_all() -> dict[str, Any]:
    ends = {at: end for at, end in log_ends(INPUTS).items() if end}
    consumer = AIOKafkaConsumer(*INPUTS, **aiokafka_options(), auto_offset_reset="earliest", max_poll_records=4000)
    await consumer.start()
    began, seen = time.process_time(), 0
    wanted = sum(ends.values()) - sum(log_starts(INPUTS).values())
    while seen < wanted:
        seen += sum(map(len, (await consumer.getmany(timeout_ms=500, max_records=4000)).values()))
    used = time.process_time() - began
    await consumer.stop()
    return {"cpu_us": used / seen * _MICRO}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read_all()) if "--raw" in sys.argv else run()))
