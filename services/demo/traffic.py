"""A shop as it goes on: touches, orders and what becomes of them, each published as it happens; a day lasts a minute.

What an order's buyer did and what came back is what `shop_week` makes, dated anew from now on. Plans have no return
window, so that a settlement run finds orders due a few minutes after they were paid.
"""

import heapq
import random
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from services.demo.events import Event, record
from services.demo.shop_week import Shop
from services.demo.telling import Say
from services.kernel.time import DAY, MINUTE, format_rfc3339, parse_rfc3339
from services.runtime.publishing import Outgoing, publish

SHORTENED = DAY // MINUTE
"""How many times faster than in a real shop things follow each other."""
BUYERS = 2_000
_TWICE, _MALFORMED = 0.05, 0.005
"""Shares of events that come a second time, and of orders that a broken event goes with."""
_TURN_SECONDS = 0.5
_MICROSECONDS = 1_000_000


class Happening(NamedTuple):
    """A record, the moment at which it is published (microseconds), and its place among those of the same moment."""

    at: int
    place: int
    record: Outgoing


class OngoingShop:
    """A shop that sells from a moment on. Orders come by chance, and are numbered from that moment's microsecond.

    Args:
        begin: microseconds since the epoch; two shops of different moments have no order or event in common.
        orders_per_minute: on average.
    """

    def __init__(self, begin: int, orders_per_minute: int) -> None:
        self._shop, self._chance = Shop(begin), random.Random(begin)
        self._gap = MINUTE / orders_per_minute
        self._number = self._next_at = begin
        self._coming: list[Happening] = []
        self._place = 0

    def happened(self, now: int) -> Iterator[Outgoing]:
        """All that has happened by `now` and was not given before, in order."""
        while self._next_at <= now:
            self._sell(self._next_at)
            self._next_at += max(1, round(self._chance.expovariate(1 / self._gap)))
        while self._coming and self._coming[0].at <= now:
            yield heapq.heappop(self._coming).record

    def _sell(self, begin: int) -> None:
        """An order of which the first touch comes at `begin`, and all that follows."""
        self._number += 1
        events = list(self._shop.order(self._number, f"b_{self._chance.randrange(BUYERS)}"))
        first = min(_moment(event) for event in events)
        for event in events:
            at = begin + (_moment(event) - first) // SHORTENED
            dated = record({**event, "occurred_at": format_rfc3339(at)})
            self._expect(at, dated)
            if self._chance.random() < _TWICE:
                self._expect(at + MINUTE, dated)
        if self._chance.random() < _MALFORMED:
            self._expect(begin, dated._replace(value=b'{"event_id": "broken'))

    def _expect(self, at: int, outgoing: Outgoing) -> None:
        self._place += 1
        heapq.heappush(self._coming, Happening(at, self._place, outgoing))


def registry() -> Iterator[Event]:
    """The shop's plans, relations and contents: always the same, so that publishing them again changes nothing."""
    for event in Shop(0).registry():
        if event["event_type"] == "plan.published":
            names = {name: f"live_{event[name]}" for name in ("plan_id", "event_id")}
            yield {**event, **names, "return_window_days": 0}
        else:
            yield event


def traffic(minutes: int, orders_per_minute: int, stop: threading.Event, say: Say) -> int:
    """Publish a shop's events as they happen, until the minutes are over or somebody asks to stop.

    Returns: how many events were published.

    Raises:
        ConnectionError: no broker answers, or one does no longer.
    """
    published = sum(publish(map(record, registry())).values())
    begin = told = _now()
    shop = OngoingShop(begin, orders_per_minute)
    while (now := _now()) < begin + minutes * MINUTE:
        published += sum(publish(shop.happened(now)).values())
        if now >= told + MINUTE:
            told = now
            say(f"{published:,} events published in {(now - begin) // MINUTE} of {minutes} minutes")
        if stop.wait(_TURN_SECONDS):
            break
    return published


def _moment(event: Event) -> int:
    return parse_rfc3339(event["occurred_at"])


def _now() -> int:
    return int(time.time() * _MICROSECONDS)
