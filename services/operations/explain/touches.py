"""Where the touches of a buyer are looked up: the buyer's partition of the clicks log, and its refused events."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from schemas import decoding
from schemas.partitioning import partition_of
from schemas.topics import CLICKS
from services.kernel.time import HOUR, to_micros
from services.operations.explain.inquiry import Inquiry, TouchTrace
from services.operations.explain.log_search import LogStretch, records_naming
from services.operations.explain.orders_log import texts_of
from services.operations.explain.sources import EventRefusal
from services.runtime.deadletters import LogPosition, first_letters

_MILLISECOND = 1_000


class LiveTouchLibrary:
    """`inquiry.TouchLibrary` of the running service."""

    def traces(self, buyer_id: str, inquiry: Inquiry, since: int) -> list[TouchTrace]:
        """Reads one partition of the clicks log from `since` on, and the clicks' dead letters whole.

        An event may be dated an hour ahead of its reception, and so may have been received an hour before `since`.
        """
        partition = partition_of(buyer_id.encode(), CLICKS.partitions)
        bad: set[int] = set()
        refused: dict[LogPosition, list[TouchTrace]] = {}
        for letter in (one.letter for one in first_letters(CLICKS.name)):
            if letter.source.partition == partition:
                bad.add(letter.source.offset)
            refusal = EventRefusal(letter.reason, letter.detail)
            if traces := list(_trace(letter.source.offset, letter.value, buyer_id, inquiry, refusal)):
                refused[letter.source] = traces
        stretch = LogStretch(partition, received_ms=(since - HOUR) // _MILLISECOND)
        found = [
            trace
            for _, offset, value in records_naming(buyer_id, CLICKS.name, [stretch])
            if offset not in bad
            for trace in _trace(offset, value, buyer_id, inquiry, None)
        ]
        return found + list(chain.from_iterable(refused.values()))


def _trace(
    offset: int, value: bytes | None, buyer_id: str, inquiry: Inquiry, refusal: EventRefusal | None
) -> Iterator[TouchTrace]:
    """The touch of a record if it is one of this buyer that matches; an invalid one as far as it can be read."""
    try:
        click: Any = decoding.read(CLICKS.name, value)
    except decoding.InvalidEvent as invalid:
        said = texts_of(value)
        event_id, content_id, koc_id = (str(said.get(name)) for name in ("event_id", "content_id", "koc_id"))
        refusal = refusal or EventRefusal(invalid.reason, invalid.detail)
        trace = TouchTrace(offset, event_id, said.get("event_type", "touch"), content_id, koc_id, None, refusal)
        of = said.get("buyer_id")
    else:
        at, of = to_micros(click.occurred_at), click.buyer_id
        trace = TouchTrace(offset, click.event_id, click.event_type, click.content_id, click.koc_id, at, refusal)
    if of == buyer_id and inquiry.matches(trace):
        yield trace
