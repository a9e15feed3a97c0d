"""The topics on a real broker against the registry."""

from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas import topics as registry
from services.kernel.errors import StartRefused
from services.runtime.kafka import admin, kafka_python_options, partition_of
from services.runtime.topics import (
    apply_topics,
    log_ends,
    log_starts,
    replication_problems,
    topic_ids,
    topic_problems,
)
from tests.kit.command import koc, output_of
from tests.kit.stacks import with_environment
from tests.kit.topics import set_topic_config
from tests.kit.waiting import until

pytestmark = pytest.mark.usefixtures("on_stack")


@pytest.fixture
def set_config() -> Iterator[Callable[[str, dict[str, str]], None]]:
    """Changes a topic's settings behind our back; put right again afterwards."""
    yield set_topic_config
    apply_topics()


def test_a_new_stack_has_every_topic_as_the_registry_says() -> None:
    assert topic_problems() == []
    with admin() as client:
        found = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics()}
    assert {topic.name: topic.partitions for topic in registry.ALL}.items() <= found.items()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cleanup.policy": "compact"}, "cleanup.policy=compact must be delete"),
        ({"message.timestamp.type": "CreateTime"}, "must be LogAppendTime"),
        ({"retention.ms": "1000000"}, "retention.ms=1000000 is too short"),
        ({"retention.bytes": "1000000"}, "must be -1"),
    ],
)
def test_a_harmful_setting_is_named_and_put_right(
    set_config: Callable[[str, dict[str, str]], None], config: dict[str, str], words: str
) -> None:
    set_config(registry.ORDERS.name, config)
    (problem,) = topic_problems()
    assert problem.startswith(registry.ORDERS.name)
    assert words in problem
    apply_topics()
    assert topic_problems() == []


def test_a_longer_retention_is_neither_a_problem_nor_shortened(
    set_config: Callable[[str, dict[str, str]], None],
) -> None:
    set_config(registry.CLICKS.name, {"retention.ms": "-1"})
    assert topic_problems() == []
    assert apply_topics() == []


def test_topics_are_left_alone_until_as_many_brokers_are_there_as_the_setting_says() -> None:
    refused = koc("topics", "apply", KOC_KAFKA_REPLICATION="3")
    assert (refused.returncode, refused.stdout) == (69, "")
    assert refused.stderr.startswith("koc: KOC_KAFKA_REPLICATION=3 needs 3 brokers and 1 answers: nothing was made")
    assert output_of("topics", "apply", KOC_KAFKA_REPLICATION="1") == "all topics are as they should be\n"


def test_a_topic_with_fewer_replicas_than_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one = registry.CREDITS
    monkeypatch.setattr(registry, "ALL", (one,))
    assert replication_problems() == []
    with with_environment({"KOC_KAFKA_REPLICATION": "3"}):
        (problem,) = replication_problems()
    assert problem.startswith(f"{one.name} has 1 replica and KOC_KAFKA_REPLICATION=3: ")


def test_a_wrong_partition_count_is_refused_because_keys_would_move(monkeypatch: pytest.MonkeyPatch) -> None:
    other = registry.Topic("test.counts.v1", "key", 3, registry.FOR_EVER, "a test", "a test")
    monkeypatch.setattr(registry, "ALL", (other,))
    assert apply_topics() == ["created test.counts.v1 with 3 partitions"]
    monkeypatch.setattr(registry, "ALL", (registry.Topic("test.counts.v1", "key", 4, registry.FOR_EVER, "", ""),))
    with pytest.raises(StartRefused, match="has 3 partitions instead of 4"):
        apply_topics()
    assert len(topic_problems()) == 1


def test_a_missing_topic_has_no_id_and_says_what_to_do() -> None:
    with pytest.raises(StartRefused, match=r"no\.such\.topic does not exist; run `koc topics apply`"):
        topic_ids([registry.CLICKS.name, "no.such.topic"])


def test_a_topic_made_again_has_another_id(monkeypatch: pytest.MonkeyPatch) -> None:
    once = registry.Topic("test.again.v1", "key", 1, registry.FOR_EVER, "a test", "a test")
    monkeypatch.setattr(registry, "ALL", (once,))
    apply_topics()
    before = topic_ids([once.name])
    with admin() as client:
        client.delete_topics([once.name])
        until(lambda: once.name not in client.list_topics(), "it is gone")
    apply_topics()
    assert topic_ids([once.name]) != before


def test_log_ends_count_what_was_written_and_records_lie_where_partition_of_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = registry.Topic("test.ends.v1", "key", 7, registry.FOR_EVER, "a test", "a test")
    monkeypatch.setattr(registry, "ALL", (topic,))
    apply_topics()
    keys = [f"buyer-{number}".encode() for number in range(50)]
    producer = KafkaProducer(**kafka_python_options())
    written = [producer.send(topic.name, key=key, value=b"{}").get(60) for key in keys]
    producer.close()
    assert [record.partition for record in written] == [partition_of(key, 7) for key in keys]
    ends = log_ends([topic.name])
    assert sum(ends.values()) == 50
    assert set(log_starts([topic.name]).values()) == {0}
    assert log_ends(["no.such.topic"]) == {}


def test_an_event_of_long_ago_carries_the_brokers_time() -> None:
    topic = registry.REGISTRY.name
    producer = KafkaProducer(**kafka_python_options())
    written = producer.send(topic, key=b"k", value=b"{}", partition=0, timestamp_ms=1_000).get(60)
    producer.close()
    consumer = KafkaConsumer(**kafka_python_options())
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek(TopicPartition(topic, 0), written.offset)
    record = next(consumer)
    consumer.close()
    assert record.timestamp > 1_700_000_000_000
