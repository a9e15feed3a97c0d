"""Topics of the broker that settings() lead to: written, read whole, and made again."""

from collections.abc import Collection, Iterable, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.consumer.fetcher import ConsumerRecord

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.runtime.kafka import admin, kafka_python_options
from services.runtime.publishing import Header, Outgoing, publish
from services.runtime.topics import apply_topics, log_ends, log_starts
from tests.kit.waiting import until


def send(
    topic: str,
    values: Iterable[bytes],
    *,
    key: bytes | None = None,
    partition: int | None = None,
    headers: tuple[Header, ...] = (),
) -> None:
    """Publish values in their order, to the key's partition unless another one is named."""
    publish(Outgoing(topic, key, value, partition, headers) for value in values)


def records(*topics: str) -> list[ConsumerRecord]:
    """Every record of the topics by topic, partition and offset."""
    return records_since(log_starts(topics))


def records_since(offsets: Mapping[tuple[str, int], int]) -> list[ConsumerRecord]:
    """What is there by now from these offsets on, by topic, partition and offset.

    Args:
        offsets: by (topic, partition), as `log_ends` gives them.
    """
    ends = log_ends({topic for topic, _ in offsets})
    unread = {TopicPartition(*at): end for at, end in ends.items() if offsets[at] < end}
    found: list[ConsumerRecord] = []
    with KafkaConsumer(**kafka_python_options(), group_id=None) as consumer:
        consumer.assign(list(unread))
        for at in unread:
            consumer.seek(at, offsets[at.topic, at.partition])
        while any(consumer.position(at) < end for at, end in unread.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
    return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))


def set_topic_config(topic: str, config: dict[str, str]) -> None:
    """Change settings of a topic; returns when the broker says that they hold."""
    with admin() as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)], incremental=True)
        where = [ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(config))]

        def holds() -> bool:
            told = client.describe_configs(where, config_filter="all")["topic"][topic]
            return {key: entry["value"] for key, entry in told.items()} == config

        until(holds, f"{topic} has {config}")


def make_again(names: Collection[str]) -> None:
    """Delete topics and make them anew: empty, and with other ids."""
    with admin() as client:
        client.delete_topics(list(names))
        until(lambda: not set(names) & set(client.list_topics()), f"{', '.join(names)} are deleted")
    apply_topics()
    assert set(log_ends(names).values()) == {0}


def forget_all_events() -> None:
    """Make the topics anew that a run waits for: other tests leave events there that no process of this one reads."""
    make_again([CLICKS.name, ORDERS.name, REGISTRY.name, CREDITS.name])
