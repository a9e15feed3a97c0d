"""How long an event took to become a credit: the broker's time of the credit minus that of the input it waited for."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from schemas.topics import CLICKS, CREDITS, ORDERS
from tests.kit.topics import records


class Delay(NamedTuple):
    """One assertion's first appearance.

    Attributes:
        partition: the buyer's.
        published_ms: when the broker got the latest event that the assertion is made of.
        milliseconds: from then until the broker had the assertion.
    """

    partition: int
    published_ms: int
    milliseconds: int


class _Version(msgspec.Struct):
    touch: int
    order: int


class _Assertion(msgspec.Struct):
    order_id: str
    line_id: str
    buyer_id: str
    version: _Version


def delays() -> list[Delay]:
    """Of every assertion that was published, in no particular order; repeats count once, by the first.

    Raises:
        AssertionError: an order of the orders log was never credited.
    """
    inputs = {
        topic.name: {(record.partition, record.offset): record for record in records(topic.name)}
        for topic in (CLICKS, ORDERS)
    }
    first: dict[tuple[str, str, str, int, int], Delay] = {}
    decode = msgspec.json.Decoder(_Assertion).decode
    credited = set()
    for record in records(CREDITS.name):
        said = decode(record.value)
        version = said.version
        made_of = [inputs[ORDERS.name][record.partition, version.order - 1].timestamp]
        if version.touch:
            made_of.append(inputs[CLICKS.name][record.partition, version.touch - 1].timestamp)
        credited.add((record.partition, version.order - 1))
        delay = Delay(record.partition, max(made_of), record.timestamp - max(made_of))
        line = (said.buyer_id, said.order_id, said.line_id, version.touch, version.order)
        if line not in first or delay.milliseconds < first[line].milliseconds:
            first[line] = delay
    missing = inputs[ORDERS.name].keys() - credited
    assert not missing, f"{len(missing)} orders were never credited, such as {min(missing)}"
    return list(first.values())


def of_time(found: list[Delay], since: float, until: float, partitions: set[int] | None = None) -> Iterator[Delay]:
    """Those whose event came in a stretch of time (Unix seconds), perhaps only of some partitions."""
    for delay in found:
        if since * 1000 <= delay.published_ms < until * 1000 and (partitions is None or delay.partition in partitions):
            yield delay


def percentile(found: list[Delay], share: float) -> int:
    """Milliseconds that this share of the delays does not exceed."""
    ascending = sorted(delay.milliseconds for delay in found)
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]
