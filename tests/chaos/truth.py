"""What the topics must say: the reference over the logs as they lie there, by the public models and nothing of the
worker's own decoding or encoding."""

from collections import defaultdict
from typing import Any, NamedTuple

from schemas import decoding
from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.domain import horizons
from services.attribution.policy.file import read_policy_file
from services.runtime.deadletters import REROUTED, LogPosition
from services.runtime.kafka import partition_of
from tests.kit.topics import records
from tests.reference.attribution_messages import domain_event, message
from tests.reference.attribution_reference import Limits, LogRecord, truth
from tests.reference.credits_reader import Line


class Expected(NamedTuple):
    """The function of the logs: every line's message, and why which record is refused."""

    lines: dict[Line, dict[str, Any]]
    refused: dict[LogPosition, str]


def expected() -> Expected:
    """Read both input topics as they are now and work out what must follow."""
    policies = read_policy_file()
    result = Expected({}, {})
    logs = {topic: _accepted_by_form(topic, result.refused) for topic in (CLICKS.name, ORDERS.name)}
    limits = Limits(*(getattr(horizons, name.upper()) for name in Limits._fields))
    for partition in range(BUYER_PARTITIONS):
        clicks, orders = logs[CLICKS.name][partition], logs[ORDERS.name][partition]
        told = truth(clicks, orders, policies.horizons, policies.rules, limits)
        for line, assertion in told.lines.items():
            result.lines[line] = message(assertion, partition)
        for log, offset, reason in told.refused:
            topic = CLICKS.name if log == "clicks" else ORDERS.name
            result.refused[LogPosition(topic, partition, offset)] = reason
    return result


def _accepted_by_form(topic: str, refused: dict[LogPosition, str]) -> dict[int, list[LogRecord]]:
    """Each partition's log without strays and what is no event; the latter, and what strayed twice, is `refused`."""
    logs: dict[int, list[LogRecord]] = defaultdict(list)
    for record in sorted(records(topic), key=lambda one: (one.partition, one.offset)):
        position = LogPosition(topic, record.partition, record.offset)
        try:
            event = decoding.read(topic, record.value)
        except decoding.InvalidEvent as invalid:
            refused[position] = str(invalid.reason)
            continue
        if partition_of(event.buyer_id.encode(), BUYER_PARTITIONS) == record.partition:
            order_id = getattr(event, "order_id", "")
            said = LogRecord(record.offset, record.timestamp, event.buyer_id, order_id, domain_event(event))
            logs[record.partition].append(said)
        elif any(name == REROUTED for name, _ in record.headers):
            refused[position] = "misrouted"
    return logs
