"""Poster processes for tests, and the topics that feed them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from schemas.topics import CREDITS, REGISTRY
from services.runtime.database import psycopg_dsn
from services.runtime.kafka import partition_of
from services.runtime.publishing import Outgoing, publish
from services.runtime.topics import log_ends
from tests.kit.booking_process import BookingProcess
from tests.kit.settlement_facts import Fact
from tests.kit.topics import send


def partition_for(fact: Fact) -> int:
    return partition_of(fact.buyer_id.encode(), CREDITS.partitions)


def send_facts(facts: Iterable[Fact | tuple[int, bytes]], registry: Iterable[Mapping[str, Any] | bytes] = ()) -> None:
    """Assertions to their buyers' partitions (or raw bytes to a partition), and registry events."""
    send(REGISTRY.name, (one if isinstance(one, bytes) else json.dumps(one).encode() for one in registry), key=b"x")
    raws = (fact if isinstance(fact, tuple) else (partition_for(fact), fact.wire()) for fact in facts)
    publish(Outgoing(CREDITS.name, b"x", raw, partition) for partition, raw in raws)


def positions() -> dict[tuple[str, int], int]:
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        rows = reader.execute("SELECT partition, next_offset FROM writer WHERE partition < 12").fetchall()
        (registry,) = reader.execute("SELECT next_offset FROM registry_position").fetchone() or (0,)
        return {(CREDITS.name, n): offset for n, offset in rows} | {(REGISTRY.name, 0): registry}


def all_is_posted() -> bool:
    """Positions first: whatever opens a job has moved one."""
    if positions() != log_ends([CREDITS.name, REGISTRY.name]):
        return False
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        return reader.execute("SELECT FROM reprice_progress WHERE NOT done").fetchone() is None


class Poster(BookingProcess):
    """`koc settlement poster` in a folder of its own."""

    def __init__(self, folder: Path, name: str = "poster-1", environment: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, name, ["settlement", "poster"], environment)
