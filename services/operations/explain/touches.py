"""Where the touches of a buyer are looked up: the buyer's partition of the clicks log, and what was refused of it."""

import json
from collections.abc import Iterator

from schemas import decoding
from schemas.partitioning import partition_of
from schemas.topics import CLICKS
from services.kernel.time import HOUR, to_micros
from services.operations.explain.log_search import records_naming
from services.operations.explain.why_not import Asked, Trace
from services.runtime.deadletters import select

_MILLISECOND = 1_000


class LiveTouches:
    """`why_not.Touches` of the running service."""

    def traces(self, buyer_id: str, asked: Asked, since: int) -> list[Trace]:
        """Reads one partition of the clicks log from `since` on, and the clicks' dead letters whole.

        An event may be dated an hour ahead of its reception, and so may have been received an hour before `since`.
        """
        refused = {one.source: one for one in select(CLICKS.name)}
        partition = partition_of(buyer_id.encode(), CLICKS.partitions)
        bad = {source.offset for source in refused if source.partition == partition}
        found = [
            trace
            for _, offset, value in records_naming(
                buyer_id, CLICKS.name, [partition], since_ms=(since - HOUR) // _MILLISECOND
            )
            if offset not in bad
            for trace in _trace(offset, value, buyer_id, asked, None)
        ]
        for source, one in refused.items():
            found += _trace(source.offset, one.value, buyer_id, asked, (one.reason, one.detail))
        return found


def _trace(
    offset: int, value: bytes | None, buyer_id: str, asked: Asked, refused: tuple[str, str] | None
) -> Iterator[Trace]:
    """The touch of a record, if it is one of this buyer on who is asked for; a bad one as far as it can be read."""
    try:
        click = decoding.read(CLICKS.name, value)
    except decoding.InvalidEvent as invalid:
        yield from _unreadable(offset, value, buyer_id, asked, refused or (invalid.reason, invalid.detail))
        return
    if click.buyer_id == buyer_id and asked.matches(click):
        at = to_micros(click.occurred_at)
        yield Trace(offset, click.event_id, click.event_type, click.content_id, click.koc_id, at, refused)


def _unreadable(
    offset: int, value: bytes | None, buyer_id: str, asked: Asked, refused: tuple[str, str]
) -> Iterator[Trace]:
    """An invalid event that still says whose it is."""
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return
    if not isinstance(event, dict) or event.get("buyer_id") != buyer_id:
        return
    kind = event.get("event_type")
    trace = Trace(offset, str(event.get("event_id")), kind if isinstance(kind, str) else "touch",
                  str(event.get("content_id")), str(event.get("koc_id")), None, refused)  # fmt: skip
    if asked.matches(trace):
        yield trace
