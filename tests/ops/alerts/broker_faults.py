"""Faults of the broker: topics that take no records, as when replicas are lost."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import Topic
from services.runtime.kafka import admin
from tests.kit.command import output_of
from tests.ops.alerts.fault import Round

LEDGER_OUT: Round = []
COMMANDS_OUT: Round = []


@contextmanager
def no_replica(topic: Topic) -> Iterator[None]:
    """Within the block the broker takes no records of a topic: it demands a replica that is not there."""
    with _configured(topic, "min.insync.replicas", "2"):
        yield


@contextmanager
def _configured(topic: Topic, name: str, value: str) -> Iterator[None]:
    with admin() as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, {name: value})])
    yield
    output_of("topics", "apply")
