"""What a run has published, and whether two runs say the same of every order line."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaConsumer, TopicPartition

from services.runtime.kafka import kafka_python_options

_CREDITED = ("content_id", "koc_id", "campaign_id", "traffic", "touch_id", "touched_at", "weight_ppm")
_CONSIDERED = ("touch_id", "content_id", "koc_id", "touched_at", "verdict")


class Published(NamedTuple):
    """A run's output.

    Attributes:
        truth: by (order_id, line_id), the last assertion's version, credits and candidates with their verdicts.
        fields: the names in a message.
    """

    emissions: int
    value_bytes: int
    truth: dict[tuple[str, str], tuple[Any, ...]]
    fields: frozenset[str]

    def bytes_each(self) -> float:
        """Bytes of an assertion's value."""
        return self.value_bytes / max(1, self.emissions)


def read(output: dict[tuple[str, int], tuple[int, int]]) -> Published:
    """Read what lies between the given offsets."""
    return gather(_values(output))


def _values(output: dict[tuple[str, int], tuple[int, int]]) -> Iterator[bytes]:
    consumer = KafkaConsumer(**kafka_python_options(), group_id=None, max_poll_records=5000)
    ends = {TopicPartition(*at): end for at, (start, end) in output.items() if start < end}
    consumer.assign(list(ends))
    for at in ends:
        consumer.seek(at, output[at.topic, at.partition][0])
    while any(consumer.position(at) < end for at, end in ends.items()):
        for batch in consumer.poll(timeout_ms=500).values():
            yield from (record.value for record in batch)
    consumer.close()


def gather(values: Iterable[bytes]) -> Published:
    """Messages, in whatever order, as a run's output."""
    emissions, value_bytes, fields = 0, 0, frozenset[str]()
    truth: dict[tuple[str, str], tuple[Any, ...]] = {}
    decode = msgspec.json.Decoder().decode
    for value in values:
        emissions += 1
        value_bytes += len(value)
        message = decode(value)
        line = message["order_id"], message["line_id"]
        truth[line] = max(_said(message), truth.get(line, ()), key=lambda said: said[:2])
        fields = fields or frozenset(message)
    return Published(emissions, value_bytes, truth, fields)


def _said(message: dict[str, Any]) -> tuple[Any, ...]:
    """What decides: the version first, so that later ones are greater."""
    version = message["version"]
    return (
        version["touch"],
        version["order"],
        tuple(tuple(credit[name] for name in _CREDITED) for credit in message["credits"]),
        tuple(tuple(touch[name] for name in _CONSIDERED) for touch in message["considered"]),
    )


def difference(ours: Published, theirs: Published) -> str | None:
    """Why a peer did not do the same work; None = it did."""
    if missing := ours.fields - theirs.fields:
        return f"it publishes no {', '.join(sorted(missing))}"
    lines = ours.truth.keys() | theirs.truth.keys()
    if wrong := [line for line in lines if ours.truth.get(line) != theirs.truth.get(line)]:
        first = min(wrong)
        return (
            f"{len(wrong)} of {len(ours.truth)} order lines end differently, such as {first}: "
            f"{ours.truth.get(first)} and {theirs.truth.get(first)}"
        )
    return None
