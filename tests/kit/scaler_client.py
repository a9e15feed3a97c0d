"""Kafka as KEDA's scaler asks it: partitions, committed offsets and the ends of logs, by a client that is not ours."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml
from confluent_kafka import ConsumerGroupTopicPartitions, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.runtime.settings import REPOSITORY

_SCALING = REPOSITORY / "deploy/k8s/components/scaling"
_SECONDS = 30.0


class Trigger(NamedTuple):
    """A consumer group and a topic of which KEDA watches the lag."""

    group: str
    topic: str


def triggers() -> Iterator[Trigger]:
    """Those that deploy/k8s gives to KEDA."""
    for file in sorted(_SCALING.glob("*.yaml")):
        for trigger in yaml.safe_load(file.read_text()).get("spec", {}).get("triggers", []):
            assert trigger["type"] == "kafka"
            yield Trigger(trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"])


def lag(environment: Mapping[str, str], trigger: Trigger) -> int:
    """How many records of the topic the group has not read; all of a partition where it has committed nothing.

    Args:
        environment: the variables of a login.
        trigger: what is asked.

    Raises:
        KafkaException: the login may not ask this.
    """
    client = AdminClient(librdkafka_options(environment))
    asked = client.describe_topics(TopicCollection([trigger.topic]))[trigger.topic].result(_SECONDS)
    places = [TopicPartition(trigger.topic, one.id) for one in asked.partitions]
    wanted = [ConsumerGroupTopicPartitions(trigger.group, places)]
    committed = client.list_consumer_group_offsets(wanted)[trigger.group].result(_SECONDS).topic_partitions
    ends = client.list_offsets({place: OffsetSpec.latest() for place in places})
    end_of = {place.partition: found.result(_SECONDS).offset for place, found in ends.items()}
    return sum(end_of[one.partition] - max(one.offset, 0) for one in committed)


def librdkafka_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of librdkafka that our variables of a login come to."""
    options = {
        "bootstrap.servers": environment["KOC_KAFKA_BOOTSTRAP"],
        "security.protocol": environment["KOC_KAFKA_SECURITY_PROTOCOL"],
        "ssl.ca.location": environment["KOC_KAFKA_CA_FILE"],
    }
    if "KOC_KAFKA_USERNAME" in environment:
        return options | {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": environment["KOC_KAFKA_USERNAME"],
            "sasl.password": environment["KOC_KAFKA_PASSWORD"],
        }
    return options | {
        "ssl.certificate.location": environment["KOC_KAFKA_CLIENT_CERT_FILE"],
        "ssl.key.location": environment["KOC_KAFKA_CLIENT_KEY_FILE"],
    }
