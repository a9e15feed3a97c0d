"""The topics on the broker against the registry in schemas.topics: create them, compare them, ask where they stand."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from schemas import topics as registry
from schemas.topics import Topic
from services.kernel.errors import StartRefused
from services.runtime.kafka import admin
from services.runtime.settings import settings
from services.runtime.steady_answer import steady_answer

_MOST_REPLICAS = 3
"""Without KOC_KAFKA_REPLICATION."""
_PROPAGATION_SECONDS = 10.0
_NOT_AUTHORISED = 29
"""TOPIC_AUTHORIZATION_FAILED."""
_DEAD_LETTER_MAX_BYTES = 2 * 1024 * 1024
"""A refused record travels with its reason as headers, so it may be larger than what an input topic lets in."""


def wanted_config(topic: Topic, replicas: int) -> dict[str, str]:
    """The topic's settings on the broker, where it has so many replicas.

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
        ConnectionError: no broker answers, or fewer than KOC_KAFKA_REPLICATION; then nothing was done.
    """
    with admin() as client:
        replicas = _replicas_to_have(client)
        found = steady_answer(lambda: _described(client, [topic.name for topic in registry.ALL]))
        present = [topic for topic in registry.ALL if topic.name in found]
        if wrong := [problem for topic in present for problem in _count_problems(topic, found[topic.name])]:
            raise StartRefused("; ".join(wrong))
        missing = [topic for topic in registry.ALL if topic.name not in found]
        wanted = {topic: wanted_config(topic, _replicas_of(found[topic.name])) for topic in present}
        return _create(client, missing, replicas) + _correct(client, wanted)


def topic_problems(topics: Sequence[Topic] | None = None) -> list[str]:
    """How the broker's topics differ from the registry, a sentence each; empty when all is as it should be.

    A longer retention is no problem: keeping records longer than we need them harms nobody.

    Args:
        topics: those that the caller reads or writes, all of the registry without them; it needs no right to look at
            others.
    """
    topics = registry.ALL if topics is None else topics
    with admin() as client:
        found = _steadily_described(client, [topic.name for topic in topics])
        present = [topic for topic in topics if topic.name in found]
        configs = _configs(client, present)
    problems = [f"{topic.name} does not exist; run `koc topics apply`" for topic in topics if topic.name not in found]
    for topic in present:
        problems += _count_problems(topic, found[topic.name]) + _config_problems(topic, configs[topic.name])
    return problems


def replication_problems() -> list[str]:
    """Which topics of the registry have too few replicas, a sentence each; those that do not exist are left out.

    No start refuses them: a service that goes on with one replica is better than one that stands still.
    """
    with admin() as client:
        found = steady_answer(lambda: _described(client, [topic.name for topic in registry.ALL]))
        present = [topic for topic in registry.ALL if topic.name in found]
        configs = _configs(client, present)
    return [
        problem
        for topic in present
        for problem in _replica_problems(topic, _replicas_of(found[topic.name]), configs[topic.name])
    ]


def topic_ids(names: Iterable[str]) -> dict[str, str]:
    """Kafka's id of each topic: it changes when a topic is deleted and made again.

    Raises:
        StartRefused: a topic does not exist.
    """
    wanted = list(names)
    with admin() as client:
        found = {name: str(topic["topic_id"]) for name, topic in _steadily_described(client, wanted).items()}
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
    names = list(topics)
    with admin() as client:
        return steady_answer(
            lambda: _offsets_once(client, names, where), lambda found: {name for name, _ in found} >= set(names)
        )


def _offsets_once(client: Any, names: list[str], where: Any) -> dict[tuple[str, int], int]:
    """The same, asked once."""
    from kafka import TopicPartition

    specs = {
        TopicPartition(name, number): where
        for name, topic in _described(client, names).items()
        for number in range(len(topic["partitions"]))
    }
    found = client.list_partition_offsets(specs) if specs else {}
    return {(at.topic, at.partition): answer.offset for at, answer in found.items()}


def _replicas_to_have(client: Any) -> int:
    """How many replicas a new topic gets: what the setting says, else one on each broker, three at most.

    Raises:
        ConnectionError: there are fewer brokers than the setting says.
    """
    brokers = steady_answer(client.describe_cluster)["brokers"]
    alive = sum(not broker.get("is_fenced") for broker in brokers)
    wanted = settings().kafka_replication
    if wanted is not None and alive < wanted:
        raise ConnectionError(
            f"KOC_KAFKA_REPLICATION={wanted} needs {wanted} brokers and {alive} answer{'s' if alive == 1 else ''}: "
            f"nothing was made or changed; start the others, then run `koc topics apply` again"
        )
    return min(_MOST_REPLICAS, alive) if wanted is None else wanted


def _steadily_described(client: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    """As `_described`; that one does not exist is believed after a moment."""
    return steady_answer(lambda: _described(client, names), lambda found: found.keys() >= set(names))


def _described(client: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    """A broker's description of those topics that exist, by name.

    Raises:
        StartRefused: whether one exists is hidden from us.
        KafkaError: the broker cannot tell of one, perhaps not yet.
    """
    from kafka.errors import NoError, UnknownTopicOrPartitionError, for_code

    described = client.describe_topics(names)
    if hidden := sorted(topic["name"] for topic in described if topic["error_code"] == _NOT_AUTHORISED):
        raise StartRefused(_hidden("", hidden))
    for topic in described:
        error = for_code(topic["error_code"])
        if error not in {NoError, UnknownTopicOrPartitionError}:
            raise error(f"for the topic {topic['name']}")
    return {topic["name"]: topic for topic in described if topic["error_code"] == NoError.errno}


def _replicas_of(description: dict[str, Any]) -> int:
    """How many replicas each partition of a topic has at least, those on brokers that are away too."""
    return min(len(partition["replica_nodes"]) for partition in description["partitions"])


def _configs(client: Any, topics: list[Topic]) -> dict[str, dict[str, str]]:
    """All settings in force, by topic name.

    Raises:
        StartRefused: they are hidden from us.
    """
    from kafka.admin import ConfigResource, ConfigResourceType

    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    answer = steady_answer(
        lambda: client.describe_configs(resources, config_filter="all")["topic"], lambda found: all(found.values())
    )
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


def _correct(client: Any, wanted: dict[Topic, dict[str, str]]) -> list[str]:
    """Set what differs from the settings that each topic shall have; a longer retention than ours is left alone."""
    from kafka.admin import ConfigResource, ConfigResourceType

    configs = _configs(client, list(wanted))
    changes = {}
    for topic, config in wanted.items():
        actual = configs[topic.name]
        changed = {
            key: value
            for key, value in config.items()
            if actual.get(key) != value and not (key == "retention.ms" and _keeps_enough(topic, actual))
        }
        if changed:
            changes[topic.name] = changed
    if changes:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, config) for name, config in changes.items()],
            incremental=True,
        )
        _await_configs(client, [topic for topic in wanted if topic.name in changes], changes)
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


def _count_problems(topic: Topic, description: dict[str, Any]) -> list[str]:
    """The one difference that no command mends."""
    actual = len(description["partitions"])
    wrong = (
        f"{topic.name} has {actual} partitions instead of {topic.partitions}: a count is fixed for a topic's life; "
        f"delete the topic if it holds nothing of worth, then run `koc topics apply`"
    )
    return [] if actual == topic.partitions else [wrong]


def _replica_problems(topic: Topic, replicas: int, actual: dict[str, str]) -> list[str]:
    """Fewer replicas than the setting wants, or than a write has to reach."""
    problems = []
    there = f"{replicas} replica{'s' if replicas > 1 else ''}"
    if replicas < (wanted := settings().kafka_replication or 1):
        problems.append(
            f"{topic.name} has {there} and KOC_KAFKA_REPLICATION={wanted}: add replicas with Kafka's own "
            f"kafka-reassign-partitions.sh, then run `koc topics apply`"
        )
    if replicas < int(actual["min.insync.replicas"]):
        problems.append(
            f"{topic.name}: min.insync.replicas={actual['min.insync.replicas']} and it has {there}, so Kafka takes "
            f"nothing that is written to it; run `koc topics apply`"
        )
    return problems


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
