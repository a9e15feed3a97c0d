"""A shop that goes on: its events are valid, come as they happen, and never contradict those of an earlier start."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from schemas.decoding import InvalidEvent, read
from services.demo.events import Event, record
from services.demo.traffic import OngoingShop, registry
from services.kernel.time import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from services.runtime.publishing import Outgoing

BEGIN = parse_rfc3339("2026-12-01T08:00:00Z")
ORDERS_PER_MINUTE, MINUTES = 60, 15


def turns(begin: int, minutes: int) -> list[tuple[int, list[Outgoing]]]:
    """What happens in each second."""
    shop = OngoingShop(begin, ORDERS_PER_MINUTE)
    moments = range(begin, begin + minutes * MINUTE, SECOND)
    return [(now, list(shop.happened(now))) for now in moments]


def readable(records: Iterable[Outgoing]) -> list[Event]:
    """Those of the records that are events."""
    found = []
    for one in records:
        with suppress(InvalidEvent):
            read(one.topic, one.value or b"")
            found.append(json.loads(one.value or b""))
    return found


def moment(event: Event) -> int:
    return parse_rfc3339(event["occurred_at"])


def test_each_event_is_published_within_a_second_after_it_happens_and_twins_a_minute_later() -> None:
    seen: set[str] = set()
    for now, records in turns(BEGIN, 10):
        for event in readable(records):
            twin = MINUTE if event["event_id"] in seen else 0
            assert 0 <= now - moment(event) - twin <= SECOND, event
            seen.add(event["event_id"])


def test_a_shop_has_all_that_dashboards_show() -> None:
    records = [one for _, happened in turns(BEGIN, MINUTES) for one in happened]
    good = readable(records)
    kinds = Counter(event["event_type"] for event in good)
    assert 0.8 * MINUTES * ORDERS_PER_MINUTE < kinds["order.paid"] < 1.25 * MINUTES * ORDERS_PER_MINUTE
    wanted = {"click", "order.received", "order.completed", "order.refunded", "order.cancelled"}
    assert wanted <= kinds.keys()
    assert 0 < len(records) - len(good) < 0.01 * len(records)
    twins = len(good) - len({event["event_id"] for event in good})
    assert 0.02 * len(good) < twins < 0.08 * len(good)


def test_an_order_is_received_minutes_after_it_was_paid() -> None:
    moments = {
        event["event_id"]: moment(event) for _, happened in turns(BEGIN, MINUTES) for event in readable(happened)
    }
    received = [name.removesuffix("_received") for name in moments if name.endswith("_received")]
    assert received
    for order in received:
        assert MINUTE < moments[f"{order}_received"] - moments[f"{order}_paid"] < 5 * MINUTE


def test_two_starts_have_no_event_in_common_and_the_same_registry() -> None:
    def names(begin: int) -> set[str]:
        return {event["event_id"] for _, happened in turns(begin, 5) for event in readable(happened)}

    assert not names(BEGIN) & names(BEGIN + HOUR)
    assert list(registry()) == list(registry())


def test_the_registry_is_valid_and_its_plans_are_long_in_force_without_a_return_window() -> None:
    events = readable(map(record, registry()))
    assert len(events) == len(list(registry()))
    plans = [event for event in events if event["event_type"] == "plan.published"]
    assert len(plans) > 10
    for plan in plans:
        assert plan["return_window_days"] == 0
        assert parse_rfc3339(plan["effective_from"]) < BEGIN - 30 * DAY
