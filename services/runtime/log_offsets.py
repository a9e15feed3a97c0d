"""Where logs begin and end, also while a partition has no leader.

kafka-python leaves such a partition out of its answer about several: `beginning_offsets` and `end_offsets` then raise
KeyError, and `offsets_for_times` says None, as it does of a log without later records. If no partition of a question
has a leader, it waits for one. tests/integration/test_log_offsets.py checks both.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

WAIT_SECONDS = 30.0
"""How long a partition is waited for that no broker leads; an election takes a few seconds."""

_GLANCE_SECONDS = 3.0
"""How long a reader that has to read on waits for an answer; it asks again a second later."""

_NAMED = 3
"""So many partitions a sentence names."""


def beginnings(reader: Any, places: Iterable[Any]) -> dict[Any, int]:
    """The first offset that is kept of each partition.

    Args:
        reader: a kafka-python consumer.
        places: kafka-python's TopicPartitions.

    Raises:
        ConnectionError: a partition had no leader for WAIT_SECONDS, or no broker answers.
    """
    from kafka.admin import OffsetSpec

    return _all(reader, dict.fromkeys(places, OffsetSpec.EARLIEST))


def ends(reader: Any, places: Iterable[Any]) -> dict[Any, int]:
    """The offset after the last record of each partition; arguments and errors as of `beginnings`."""
    from kafka.admin import OffsetSpec

    return _all(reader, dict.fromkeys(places, OffsetSpec.LATEST))


def ends_of_led(reader: Any, places: Iterable[Any]) -> dict[Any, int]:
    """The offset after the last record of each partition that has a leader now; the others do not grow without one.

    Args:
        reader: a kafka-python consumer.
        places: kafka-python's TopicPartitions.

    Raises:
        KafkaTimeoutError: no partition has a leader, or no broker answers.
    """
    from kafka.admin import OffsetSpec

    return _answered(reader, dict.fromkeys(places, OffsetSpec.LATEST), _GLANCE_SECONDS)


def first_since(reader: Any, times: Mapping[Any, int]) -> dict[Any, int | None]:
    """The first offset that the broker received at a time or later; None = it has received none since.

    Args:
        reader: a kafka-python consumer.
        times: TopicPartition -> milliseconds since 1970.

    Raises:
        ConnectionError: a partition had no leader for WAIT_SECONDS, or no broker answers.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    known: dict[Any, int | None] = dict(_patient(reader, times, deadline))
    for place in times.keys() - known.keys():
        known[place] = _patient(reader, {place: times[place]}, deadline).get(place)
    return known


def names_of(places: Iterable[Any]) -> list[str]:
    """Partitions as people read them, TOPIC[PARTITION], in their order."""
    return [f"{place.topic}[{place.partition}]" for place in sorted(places)]


def _all(reader: Any, times: Mapping[Any, int]) -> dict[Any, int]:
    """The offsets of all partitions: every log has a first and a last one, so a missing one is asked for again."""
    deadline, known = time.monotonic() + WAIT_SECONDS, dict[Any, int]()
    while missing := {place: at for place, at in times.items() if place not in known}:
        known |= _patient(reader, missing, deadline)
    return known


def _patient(reader: Any, times: Mapping[Any, int], deadline: float) -> dict[Any, int]:
    """The offsets that are known; waits only if no partition at all has a leader.

    Raises:
        ConnectionError: the deadline is over.
    """
    from kafka.errors import KafkaTimeoutError

    try:
        return _answered(reader, times, max(0.0, deadline - time.monotonic()))
    except KafkaTimeoutError as problem:
        names = names_of(times)
        places = ", ".join([*names[:_NAMED], f"{len(names) - _NAMED} more"] if len(names) > _NAMED else names)
        raise ConnectionError(
            f"no broker leads {places}, or none answers: Kafka was asked for {WAIT_SECONDS:g} s"
        ) from problem


def _answered(reader: Any, times: Mapping[Any, int], seconds: float) -> dict[Any, int]:
    """The offsets of the partitions that an answer names.

    Raises:
        KafkaTimeoutError: no partition has a leader, or no broker answers.
    """
    found = reader._fetcher.offsets_by_times(dict(times), int(seconds * 1_000))  # noqa: SLF001 - the only call that neither waits for all nor fails for one
    return {place: answer.offset for place, answer in found.items() if answer is not None}
