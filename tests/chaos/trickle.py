"""A steady trickle of events on all partitions, published beside whatever is done to the workers."""

import itertools
import json
import threading
import time
from typing import Any, Self

from kafka import KafkaProducer

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.runtime.kafka import kafka_python_options, partition_of
from tests.kit.events import buyer_in, click, paid

CLICKS_PER_ORDER = 3
_ROUND_SECONDS = 0.02


class Trickle:
    """Publishes from a thread until the block ends: clicks, and orders that each must be credited.

    Args:
        per_second: events a second, over all partitions.
        name: a prefix of its buyers and orders; two trickles of one broker need two.
        hours: when its events occur, after the START of tests.kit.events.
        partitions: only of the first so many are its buyers.
    """

    def __init__(self, per_second: int, name: str, hours: float = 0.0, partitions: int = BUYER_PARTITIONS) -> None:
        self.published = 0
        self._partitions = partitions
        self.problem: Exception | None = None
        self._name, self._per_second, self._hours = name, per_second, hours
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"trickle-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        try:
            self._publish()
        except Exception as problem:  # noqa: BLE001 - told to who waits for the thread
            self.problem = problem

    def _publish(self) -> None:
        producer = KafkaProducer(**kafka_python_options(), linger_ms=0, acks="all")
        began, events = time.monotonic(), self._events()
        try:
            while not self._ended.wait(_ROUND_SECONDS):
                due = int((time.monotonic() - began) * self._per_second) - self.published
                for topic, event in itertools.islice(events, due):
                    key = event["buyer_id"].encode()
                    at = partition_of(key, BUYER_PARTITIONS)
                    producer.send(topic, value=json.dumps(event).encode(), key=key, partition=at)
                    self.published += 1
            producer.flush()
        finally:
            producer.close()

    def _events(self) -> "itertools.chain[tuple[str, dict[str, Any]]]":
        """Round and round over the partitions; an order follows its buyer's clicks."""
        buyers = [buyer_in(partition, self._name) for partition in range(self._partitions)]
        return itertools.chain.from_iterable(self._round(buyers, number) for number in itertools.count())

    def _round(self, buyers: list[str], number: int) -> list[tuple[str, dict[str, Any]]]:
        """One event a partition: mostly clicks, then the order that they lead to. Buyers change with every order."""
        order, step = divmod(number, CLICKS_PER_ORDER + 1)
        made: list[tuple[str, dict[str, Any]]] = []
        for partition, stem in enumerate(buyers):
            buyer = buyer_in(partition, f"{stem}_{order}")
            if step < CLICKS_PER_ORDER:
                made.append((CLICKS.name, click(buyer, f"{buyer}_{step}", self._hours + 1, content_id=f"v_{step}")))
            else:
                made.append((ORDERS.name, paid(buyer, f"o_{buyer}", self._hours + 2)))
        return made
