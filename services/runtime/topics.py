"""The topics on the broker against the registry in schemas.topics: create them, compare them, ask where they stand."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from schemas import topics as registry
from schemas.topics import Topic
from services.kernel.errors import StartRefused
from services.runtime.kafka import admin

_REPLICAS = 3
_PROPAGATION_SECONDS = 10.0
_NOT_AUTHORISED = 29
"""TOPIC_AUTHORIZATION_FAILED."""
_DEAD_LETTER_MAX_BYTES = 2 * 1024 * 1024
"""A refused record travels with its reason as headers, so it may be larger than what an input topic lets in."""


def wanted_config(topic: Topic, replicas: int) -> dict[str, str]:
    """The topic's settings on the broker.

    Every topic carries the broker's time: events and entries bear dates of the past, by which Kafka would expire them
    at once. None is compacted: Kafka would keep the last record of a key, not the true one.
    """
    config = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(max(1, replicas - 1)),
        "retention.bytes": "-1",
        "retention.ms": str(topic.retention_ms),
        "unclean.leader.election.enable": "false",
    }
    if topic in registry.DLQS:
        config["max.message.bytes"] = str(_DEAD_LETTER_MAX_BYTES)
    return config


def apply_topics() -> list[str]:
    """Create missing topics and correct the settings of those there are; returns what was done, a line each.

    Raises:
        StartRefused: a topic has another partition count; that cannot be mended, its keys would move.
        ConnectionError: no broker answers.
    """
    with admin() as client:
        replicas = min(_REPLICAS, len(client.describe_cluster()["brokers"]))
        partitions = _partitions(client, [topic.name for topic in registry.ALL])
        wrong = [
            _wrong_count(topic, partitions[topic.name])
            for topic in registry.ALL
            if partitions.get(topic.name, topic.partitions) != topic.partitions
        ]
        if wrong:
            raise StartRefused("; ".join(wrong))
        missing = [topic for topic in registry.ALL if topic.name not in partitions]
        return _create(client, missing, replicas) + _correct(
            client, [topic for topic in registry.ALL if topic not in missing], replicas
        )


def topic_problems(topics: Sequence[Topic] | None = None) -> list[str]:
    """How the broker's topics differ from the registry, a sentence each; empty when all is as it should be.

    A longer retention is no problem: keeping records longer than we need them harms nobody.

    Args:
        topics: those that the caller reads or writes, all of the registry without them; it needs no right to look at
            others.
    """
    topics = registry.ALL if topics is None else topics
    with admin() as client:
        partitions = _partitions(client, [topic.name for topic in topics])
        present = [topic for topic in topics if topic.name in partitions]
        configs = _configs(client, present)
        problems = [
            f"{topic.name} does not exist; run `koc topics apply`" for topic in topics if topic.name not in partitions
        ]
        for topic in present:
            if partitions[topic.name] != topic.partitions:
                problems.append(_wrong_count(topic, partitions[topic.name]))
            problems += _config_problems(topic, configs[topic.name])
        return problems


def topic_ids(names: Iterable[str]) -> dict[str, str]:
    """Kafka's id of each topic: it changes when a topic is deleted and made again.

    Raises:
        StartRefused: a topic does not exist.
    """
    wanted = list(names)
    with admin() as client:
        found = {topic["name"]: str(topic["topic_id"]) for topic in _described(client, wanted)}
    if missing := [name for name in wanted if name not in found]:
        raise StartRefused(f"topic {', '.join(missing)} does not exist; run `koc topics apply`")
    return {name: found[name] for name in wanted}


def log_starts(topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The first offset that is still kept, by (topic, partition)."""
    from kafka.admin import OffsetSpec

    return _offsets(topics, OffsetSpec.EARLIEST)


def log_ends(topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The offset of the next record to be written, by (topic, partition)."""
    from kafka.admin import OffsetSpec

    return _offsets(topics, OffsetSpec.LATEST)


def _offsets(topics: Iterable[str], where: Any) -> dict[tuple[str, int], int]:
    """The offset at `where` of every partition of the topics that exist."""
    from kafka import TopicPartition

    with admin() as client:
        specs = {
            TopicPartition(name, number): where
            for name, count in _partitions(client, list(topics)).items()
            for number in range(count)
        }
        found = client.list_partition_offsets(specs) if specs else {}
    return {(at.topic, at.partition): answer.offset for at, answer in found.items()}


def _described(client: Any, names: list[str]) -> list[dict[str, Any]]:
    """The broker's description of those topics that exist.

    Raises:
        StartRefused: whether one exists is hidden from us.
    """
    described = client.describe_topics(names)
    if hidden := sorted(topic["name"] for topic in described if topic["error_code"] == _NOT_AUTHORISED):
        raise StartRefused(_hidden("", hidden))
    return [topic for topic in described if topic["error_code"] == 0]


def _partitions(client: Any, names: list[str]) -> dict[str, int]:
    """Partition count by topic, of those that exist."""
    return {topic["name"]: len(topic["partitions"]) for topic in _described(client, names)}


def _configs(client: Any, topics: list[Topic]) -> dict[str, dict[str, str]]:
    """All settings in force, by topic name.

    Raises:
        StartRefused: they are hidden from us.
    """
    from kafka.admin import ConfigResource, ConfigResourceType

    if not topics:
        return {}
    answer = client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics], config_filter="all"
    )["topic"]
    if hidden := sorted(name for name, entries in answer.items() if not entries):
        raise StartRefused(_hidden("the settings of ", hidden))
    return {name: {key: str(entry["value"]) for key, entry in entries.items()} for name, entries in answer.items()}


def _hidden(what: str, names: Iterable[str]) -> str:
    """Rights are missing."""
    return f"Kafka does not let us look at {what}{', '.join(names)}: docs/security.md lists the rights of each service"


def _create(client: Any, topics: list[Topic], replicas: int) -> list[str]:
    """Create these topics and wait until they can be written to."""
    if not topics:
        return []
    client.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replicas,
                "configs": wanted_config(topic, replicas),
            }
            for topic in topics
        },
        wait_for_metadata=True,
    )
    return [f"created {topic.name} with {topic.partitions} partitions" for topic in topics]


def _correct(client: Any, topics: list[Topic], replicas: int) -> list[str]:
    """Set what differs; a retention that is longer than ours is left alone."""
    from kafka.admin import ConfigResource, ConfigResourceType

    configs = _configs(client, topics)
    changes = {}
    for topic in topics:
        actual = configs[topic.name]
        changed = {
            key: value
            for key, value in wanted_config(topic, replicas).items()
            if actual.get(key) != value and not (key == "retention.ms" and _keeps_enough(topic, actual))
        }
        if changed:
            changes[topic.name] = changed
    if changes:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, config) for name, config in changes.items()],
            incremental=True,
        )
        _await_configs(client, [topic for topic in topics if topic.name in changes], changes)
    return [f"set {key}={value} on {name}" for name, config in changes.items() for key, value in config.items()]


def _await_configs(client: Any, topics: list[Topic], changes: dict[str, dict[str, str]]) -> None:
    """Wait until the brokers answer with the new settings: the controller tells them a moment later."""
    deadline = time.monotonic() + _PROPAGATION_SECONDS
    while any(changes[name].items() - config.items() for name, config in _configs(client, topics).items()):
        if time.monotonic() > deadline:
            raise ConnectionError(f"the brokers did not take over new topic settings in {_PROPAGATION_SECONDS:.0f} s")
        time.sleep(0.05)


def _keeps_enough(topic: Topic, actual: dict[str, str]) -> bool:
    """Whether records stay at least as long as the registry says."""
    kept = int(actual["retention.ms"])
    return kept == registry.FOR_EVER or (topic.retention_ms != registry.FOR_EVER and kept >= topic.retention_ms)


def _wrong_count(topic: Topic, actual: int) -> str:
    """The one difference that no command mends."""
    return (
        f"{topic.name} has {actual} partitions instead of {topic.partitions}: a count is fixed for a topic's life; "
        f"delete the topic if it holds nothing of worth, then run `koc topics apply`"
    )


_CHECKS: tuple[tuple[str, Callable[[Topic, dict[str, str]], bool], str], ...] = (
    (
        "cleanup.policy",
        lambda _, actual: actual["cleanup.policy"] == "delete",
        "must be delete: compaction loses money",
    ),
    (
        "message.timestamp.type",
        lambda _, actual: actual["message.timestamp.type"] == "LogAppendTime",
        "must be LogAppendTime: lateness and retention go by the broker's clock",
    ),
    ("retention.ms", _keeps_enough, "is too short: records would vanish that a restart needs"),
    ("retention.bytes", lambda _, actual: actual["retention.bytes"] == "-1", "must be -1: no expiry by size"),
)


def _config_problems(topic: Topic, actual: dict[str, str]) -> list[str]:
    """What a start refuses in the topic's settings."""
    return [
        f"{topic.name}: {key}={actual[key]} {why}; run `koc topics apply`"
        for key, holds, why in _CHECKS
        if not holds(topic, actual)
    ]
