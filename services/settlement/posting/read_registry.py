"""Registry events as read from the topic, and where the refused ones go."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer

from schemas import decoding
from schemas.topics import REGISTRY
from services.kernel.time import to_micros
from services.runtime.deadletters import headers
from services.runtime.kafka import kafka_python_options
from services.settlement.books.ports import ReferenceEvent

_SEND_SECONDS = 30


def read_event(position: int, raw: bytes | None) -> ReferenceEvent:
    """A registry event; what it keeps are the fields of the contract, not those that we do not know.

    Raises:
        InvalidEvent: the bytes are no registry event.
    """
    event = decoding.read(REGISTRY.name, raw)
    body = event.model_dump(mode="json", exclude_none=True)
    return ReferenceEvent(position, event.event_type, event.identity, to_micros(event.occurred_at), body)


class DeadLetters:
    """Sends refused registry events to their dead-letter topic; connects on first use."""

    def __init__(self) -> None:
        self._producer: Any = None

    def send(self, refused: Iterable[tuple[Any, decoding.InvalidEvent]]) -> None:
        """Send each record as it came, with the reason in its headers, and wait until all are written.

        Raises:
            KafkaError: one was not written; the caller must not go on.
        """
        refusals = list(refused)
        if not refusals:
            return
        if self._producer is None:
            self._producer = KafkaProducer(**kafka_python_options(), acks="all")
        sent = [
            self._producer.send(
                REGISTRY.dlq,
                key=record.key,
                value=record.value,
                headers=headers(
                    why.reason, why.detail, record.topic, record.partition, record.offset, record.headers or ()
                ),
            )
            for record, why in refusals
        ]
        for future in sent:
            future.get(timeout=_SEND_SECONDS)

    def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            self._producer.close(timeout=_SEND_SECONDS)
