"""What the broker says of attribution's consumer group: who is in it, and who holds which partitions."""

from kafka.errors import KafkaError

from services.runtime.kafka import admin
from services.runtime.topics import log_ends
from tests.kit.attribution_process import GROUP, INPUTS


def holders() -> dict[str, set[int]]:
    """Partition numbers by static instance id; none while the group is in a rebalance or the broker away."""
    try:
        with admin() as client:
            group = client.describe_groups([GROUP])[GROUP]
    except (KafkaError, ConnectionError):
        return {}
    if group["group_state"] != "Stable":
        return {}
    return {
        member["group_instance_id"]: {
            number for topic in member["member_assignment"]["assigned_partitions"] for number in topic["partitions"]
        }
        for member in group["members"]
    }


def lags() -> dict[tuple[str, int], int]:
    """Records that are not durable in any store, by input topic and partition."""
    ends = log_ends(INPUTS)
    with admin() as client:
        committed = client.list_group_offsets(GROUP)[GROUP]
    reached = {(at.topic, at.partition): found.offset for at, found in committed.items()}
    return {at: end - max(0, reached.get(at, 0)) for at, end in ends.items()}
