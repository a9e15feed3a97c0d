"""The records of the orders topic that name an order, each with its refusal, and whether one is still on its way."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas import decoding
from schemas.topics import CREDITS, ORDERS
from services.kernel.time import DAY
from services.operations.drain.positions import LivePositions
from services.operations.explain.log_search import LogStretch, records_naming
from services.operations.explain.sources import BookedOrder, EventRefusal, OrderLogRecord, PublishedOrder
from services.runtime.deadletters import LogPosition, first_letters

EARLY = 30 * DAY
"""How long before the payment an event of the order may have been received."""
_MILLISECOND = 1_000


def read_published(order_id: str, booked: BookedOrder) -> PublishedOrder:
    """What the orders topic holds of an order. The positions of all readers are read first.

    An event before attribution's position is either refused by now or its credits are in the log; credits before the
    books' position are booked by now.
    """
    with LivePositions() as positions:
        reached = positions.reached().offsets
    read = {partition: reached[ORDERS.name, partition] for partition in range(ORDERS.partitions)}
    # the events that the books know, then what attribution has not read yet; of an unknown order the whole topic
    stretches = _known_stretches(booked)
    found = dict(_search(order_id, stretches or [LogStretch(partition) for partition in read]))
    if stretches:
        found |= _search(order_id, [LogStretch(one.partition, first=read[one.partition]) for one in stretches])
    records = _with_refusals(order_id, found)
    unread = any(one.position.offset >= read[one.position.partition] for one in records)
    partitions = {one.position.partition for one in records}
    credits_read = [LogStretch(number, first=reached[CREDITS.name, number]) for number in sorted(partitions)]
    return PublishedOrder(records, unread or _any_named(order_id, credits_read))


def _known_stretches(booked: BookedOrder) -> list[LogStretch]:
    """Where the events lie that the books know: each line's version says where the last of its order lies."""
    ends: dict[int, int] = {}
    since: dict[int, int] = {}
    for line, told in booked.lines:
        ends[line.partition] = max(told.version.order, ends.get(line.partition, 0))
        since[line.partition] = min(told.paid_at - EARLY, since.get(line.partition, told.paid_at))
    return [LogStretch(number, 0, end, since[number] // _MILLISECOND) for number, end in sorted(ends.items())]


def _search(order_id: str, stretches: Iterable[LogStretch]) -> Iterator[tuple[LogPosition, bytes]]:
    """Position and value of records that hold the order's name."""
    for partition, offset, value in records_naming(order_id, ORDERS.name, list(stretches)):
        yield LogPosition(ORDERS.name, partition, offset), value


def _any_named(order_id: str, stretches: list[LogStretch]) -> bool:
    """Whether any credits in these stretches name the order."""
    return bool(stretches) and any(True for _ in records_naming(order_id, CREDITS.name, stretches))


def _with_refusals(order_id: str, found: Mapping[LogPosition, bytes]) -> list[OrderLogRecord]:
    """Records by position: those found in the log, and refused ones wherever they lie."""
    name = json.dumps(order_id).encode()
    letters = {
        letter.source: letter
        for letter in (one.letter for one in first_letters(ORDERS.name))
        if letter.source in found or name in (letter.value or b"")
    }
    records = [
        _record(position, value, EventRefusal(letter.reason, letter.detail) if letter else None)
        for position, value in found.items()
        for letter in [letters.pop(position, None)]
    ]
    records += [
        _record(position, letter.value, EventRefusal(letter.reason, letter.detail))
        for position, letter in letters.items()
        if letter.value is not None
    ]
    return sorted((record for named, record in records if named == order_id), key=lambda record: record.position)


def _record(position: LogPosition, value: bytes, refusal: EventRefusal | None) -> tuple[str | None, OrderLogRecord]:
    """The order that a record names, and the record."""
    try:
        event: Any = decoding.read(ORDERS.name, value)
    except decoding.InvalidEvent as invalid:
        said = texts_of(value)
        refusal = refusal or EventRefusal(invalid.reason, invalid.detail)
        kind, event_id, buyer_id = (said.get(name) for name in ("event_type", "event_id", "buyer_id"))
        return said.get("order_id"), OrderLogRecord(position, kind, event_id, buyer_id, None, refusal)
    record = OrderLogRecord(position, event.event_type, event.event_id, event.buyer_id, event, refusal)
    return event.order_id, record


def texts_of(value: bytes | None) -> dict[str, str]:
    """The texts that an invalid event still says of itself; none where it is no JSON object."""
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    texts = event.items() if isinstance(event, dict) else ()
    # JSON may name half of a character, which no page can hold
    return {name: text.encode(errors="backslashreplace").decode() for name, text in texts if isinstance(text, str)}
