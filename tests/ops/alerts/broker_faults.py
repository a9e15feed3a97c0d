"""Faults of the broker: topics that take no records, a log that loses some, a stranger in a group."""

from collections.abc import Iterator

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import CLICKS, CREDITS, Topic
from services.runtime.kafka import admin, kafka_python_options
from services.runtime.topics import log_ends
from services.settlement.posting.assignment import GROUP
from tests.kit.command import output_of
from tests.kit.events import buyer_in
from tests.kit.topics import send
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site
from tests.ops.alerts.world import QUIET_PARTITION, bought

UNSENT: Round = []
"""The worker cannot publish credits."""
UNACKNOWLEDGED: Round = []
"""The worker waits for acknowledgements."""
STRANGERS: Round = []
POISON: Round = []
_LEAST_MESSAGE, _MOST_MESSAGE = "50", "1048588"


def _configure(topic: Topic, name: str, value: str) -> None:
    with admin() as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, {name: value})], incremental=True)


@fault(UNSENT, "KocProduceFailures", what="the broker takes no credits: they are longer than it allows")
def credits_are_too_long(site: Site) -> Iterator[None]:
    del site
    _configure(CREDITS, "max.message.bytes", _LEAST_MESSAGE)
    yield
    _configure(CREDITS, "max.message.bytes", _MOST_MESSAGE)


@fault(UNACKNOWLEDGED, "KocCheckpointOld", "KocKafkaAway", what="the broker is frozen")
def the_broker_is_frozen(site: Site) -> Iterator[None]:
    with site.frozen("kafka"):
        yield


@fault(STRANGERS, "KocRebalanceStorm", what="a stranger joins the posters' group and leaves it, without end",
       labels={"job": "poster"})  # fmt: skip
def a_stranger_comes_and_goes(site: Site) -> Iterator[None]:
    with site.again_and_again(_join_and_leave):
        yield


def _join_and_leave() -> None:
    """Become a member of the posters' group for a moment."""
    with KafkaConsumer(**kafka_python_options(), group_id=GROUP, enable_auto_commit=False) as stranger:
        stranger.subscribe([CREDITS.name])
        while not stranger.assignment():
            stranger.poll(timeout_ms=100, max_records=1)


@fault(POISON, "KocInvariantBroken", what="a record of the credits topic is no assertion",
       labels={"job": "poster", "invariant": "poison_credit"})  # fmt: skip
def a_credit_is_poison(site: Site) -> Iterator[None]:
    end = log_ends([CREDITS.name])[CREDITS.name, QUIET_PARTITION]
    send(CREDITS.name, [b"no assertion"], partition=QUIET_PARTITION)
    yield
    with site.superuser() as session:
        session.execute("SET ROLE koc_writer")
        moved = "UPDATE writer SET next_offset = %s WHERE partition = %s AND next_offset = %s"
        assert session.execute(moved, (end + 1, QUIET_PARTITION, end)).rowcount == 1
    site.await_ready("poster-1")


@fault(POISON, "KocHistoryWithheld", what="a log loses records that its worker has not read", clears_within=100)
def history_is_lost(site: Site) -> Iterator[None]:
    buyer = buyer_in(QUIET_PARTITION, "b_lost")
    with site.unattended():
        site.end("attribution-1")
        click, order = bought(site, "lost", 1, buyer)
        site.publish(click)
        _forget(CLICKS, QUIET_PARTITION)
        folder = str(site.stack.layout.state / "attribution-1")
        output_of("attribution", "adopt-truncated", "--yes", KOC_STATE_DIR=folder)
    site.await_ready("attribution-1")
    site.publish(order)
    yield


def _forget(topic: Topic, partition: int) -> None:
    """Delete all records of a partition, as retention would."""
    with admin() as client:
        client.delete_records({TopicPartition(topic.name, partition): log_ends([topic.name])[topic.name, partition]})
