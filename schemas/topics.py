"""The one registry of topics: name, key, partitions, retention, who writes and who reads. Everything else asks here."""

from dataclasses import dataclass

DAY_MS = 86_400_000
FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic.

    Attributes:
        key: what a record's key is.
        partitions: fixed for the topic's life.
        retention_ms: how long records are kept; FOR_EVER = -1.
        input: published by others: timestamped by the broker (LogAppendTime), refused records go to its `dlq`.
    """

    name: str
    key: str
    partitions: int
    retention_ms: int
    written_by: str
    read_by: str
    input: bool = False

    @property
    def dlq(self) -> str:
        """The dead-letter topic of this topic."""
        return f"{self.name}.dlq"


BUYER_PARTITIONS = 12
"""clicks, orders and credits share it: a buyer's events and credits lie in partitions of the same number."""

CLICKS = Topic("commerce.clicks.v1", "buyer_id", BUYER_PARTITIONS, 45 * DAY_MS, "backends", "attribution", input=True)
ORDERS = Topic("commerce.orders.v1", "buyer_id", BUYER_PARTITIONS, 400 * DAY_MS, "backends", "attribution", input=True)
REGISTRY = Topic("commerce.registry.v1", "entity key", 1, FOR_EVER, "back office", "settlement", input=True)
CREDITS = Topic(
    "attribution.credits.v1", "order_id/line_id", BUYER_PARTITIONS, 400 * DAY_MS, "attribution", "settlement"
)
LEDGER = Topic("settlement.ledger.v1", "order_id or party", BUYER_PARTITIONS + 1, FOR_EVER, "settlement", "finance")
COMMANDS = Topic("settlement.commands.v1", "command_id", 1, FOR_EVER, "settlement", "finance")
STATEMENTS = Topic("settlement.statements.v1", "party", 1, FOR_EVER, "settlement", "finance and parties")

INPUTS = (CLICKS, ORDERS, REGISTRY)
DLQ_PARTITIONS = 3
DLQ_RETENTION_MS = 90 * DAY_MS
DLQS = tuple(
    Topic(topic.dlq, "as the input", DLQ_PARTITIONS, DLQ_RETENTION_MS, topic.read_by, "operators") for topic in INPUTS
)
ALL = (*INPUTS, CREDITS, LEDGER, COMMANDS, STATEMENTS, *DLQS)
BY_NAME = {topic.name: topic for topic in ALL}
