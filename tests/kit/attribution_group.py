"""What the broker says of attribution's consumer group: who is in it, who holds which partitions, how far it is."""

from collections.abc import Iterable
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from schemas.topics import CLICKS, ORDERS
from services.attribution.worker.startup import GROUP
from services.runtime.groups import positions
from services.runtime.kafka import admin
from services.runtime.topics import log_ends

INPUTS = (CLICKS.name, ORDERS.name)


def group() -> Any:
    """The group as Kafka describes it: its state, its members."""
    with admin() as client:
        return client.describe_groups([GROUP])[GROUP]


def holders() -> dict[str, set[int]]:
    """Partition numbers by static instance id; none while the group is in a rebalance or the broker away."""
    try:
        found = group()
    except (KafkaError, ConnectionError):
        return {}
    if found["group_state"] != "Stable":
        return {}
    return {
        member["group_instance_id"]: {
            number for topic in member["member_assignment"]["assigned_partitions"] for number in topic["partitions"]
        }
        for member in found["members"]
    }


def lags() -> dict[tuple[str, int], int]:
    """Records that are not durable in any store, by input topic and partition."""
    ends = log_ends(INPUTS)
    reached = positions(GROUP)
    return {at: end - max(0, reached.get(at, 0)) for at, end in ends.items()}


def lag() -> int:
    """All records of the inputs that are not durable in any store."""
    return sum(lags().values())


def read_to_the_end(topics: Iterable[str] = INPUTS) -> None:
    """Make it look as if attribution, which does not run, had read these topics to their ends."""
    positions(GROUP)  # makes the cluster's first group coordinator, and waits for it
    read = {TopicPartition(*place): OffsetAndMetadata(end, "", -1) for place, end in log_ends(topics).items()}
    with admin() as client:
        client.alter_group_offsets(GROUP, read)
