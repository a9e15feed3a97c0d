"""The second wave: about what the week has, accepted by attribution, and each thing of settling once."""

from collections import Counter
from itertools import chain, combinations

import pytest

from schemas.topics import BUYER_PARTITIONS, CLICKS
from services.demo import poison
from services.demo.events import Event, record
from services.demo.second_wave import Wave, quiet_first, second_wave
from services.demo.settling_facts import BUDGETS, EACH, HELD_CONTENT, REMOVED_AFTER, REMOVED_BEFORE
from services.demo.shop_week import (
    DUE_BEFORE,
    FIRST_RUN,
    RECEIVED_AFTER,
    RETURN_WINDOW,
    SECOND_RUN,
    Week,
    due_orders,
    paid_orders,
    shop_week,
)
from services.kernel.time import DAY, parse_rfc3339
from services.runtime.kafka import partition_of

TOUCH_LATENESS, ORDER_LATENESS = 3 * DAY, 15 * DAY


@pytest.fixture(scope="module")
def week() -> Week:
    return shop_week(6_000)


@pytest.fixture(scope="module")
def wave(week: Week) -> Wave:
    return second_wave(week)


def at(event: Event) -> int:
    return parse_rfc3339(event["occurred_at"])


def test_orders_are_due_whose_receipt_and_return_window_end_before_the_first_run(week: Week) -> None:
    due, orders = due_orders(week.log), paid_orders(week.log)
    assert len(due) > 2_000
    received = {event["order_id"]: at(event) for event in week.log if event["event_type"] == "order.received"}
    assert all(received[order] + RETURN_WINDOW < FIRST_RUN for order in due)
    assert all(received[order] == at(orders[order]) + RECEIVED_AFTER for order in due)
    back = {"order.refunded", "order.cancelled", "order.refund_reversed"}
    assert not {event["order_id"] for event in week.log if event["event_type"] in back} & set(due)


def test_each_order_of_the_wave_is_due_and_hit_by_one_thing(week: Week, wave: Wave) -> None:
    due = set(due_orders(week.log))
    assert wave.hit.keys() == {"refund", "half", "reversal", "cancellation", "late touch"}
    assert min(map(len, wave.hit.values())) >= 10
    assert set(chain.from_iterable(wave.hit.values())) <= due
    disputed = {event["order_id"] for event in [*week.registry, *wave.registry] if "order_id" in event}
    for one, other in combinations([*map(set, wave.hit.values()), disputed], 2):
        assert not one & other


def test_the_wave_lies_between_the_runs_and_its_touches_before_their_orders(week: Week, wave: Wave) -> None:
    orders = paid_orders(week.log)
    for event in [*wave.registry, *wave.log]:
        if event["event_type"] == "code":
            order = orders[event["event_id"].removeprefix("t_late_")]
            assert at(event) < at(order) < DUE_BEFORE
            assert order["declared"] is None
        else:
            assert FIRST_RUN < at(event) < SECOND_RUN


def test_attribution_takes_every_event_of_the_wave(week: Week, wave: Wave) -> None:
    marks: Counter[tuple[str, int]] = Counter()
    around = [*poison.good(), *poison.misplaced(), *poison.afterwards()]
    for sent in [*map(record, week.log), *around]:
        key = partition_of(sent.key or b"", BUYER_PARTITIONS) if sent.partition is None else sent.partition
        occurred_at = parse_rfc3339((sent.value or b"").decode().partition('"occurred_at":"')[2].partition('"')[0])
        marks[sent.topic, key] = max(marks[sent.topic, key], occurred_at)
    for event in wave.log:
        topic, buyer = record(event).topic, partition_of(event["buyer_id"].encode(), BUYER_PARTITIONS)
        lateness = TOUCH_LATENESS if topic == CLICKS.name else ORDER_LATENESS
        assert at(event) >= marks[topic, buyer] - lateness, event


def test_disputes_and_holds_begin_and_end_on_both_sides_of_the_first_run(week: Week, wave: Wave) -> None:
    def of(facts: list[Event], kind: str, **wanted: object) -> set[str]:
        said = [one for one in facts if one["event_type"] == kind and wanted.items() <= one.items()]
        return {one.get("dispute_id") or one.get("hold_id") or one["content_id"] for one in said}

    opened, opened_later = of(week.registry, "dispute.opened"), of(wave.registry, "dispute.opened")
    assert len(of(week.registry, "dispute.decided", outcome="denied") & opened) == EACH
    assert len(of(wave.registry, "dispute.decided", outcome="allowed") & opened) == EACH
    assert len(of(wave.registry, "dispute.decided", outcome="denied") & opened_later) == EACH
    assert len(opened_later - of(wave.registry, "dispute.decided")) == EACH
    [kept] = of(week.registry, "hold.placed") - of(wave.registry, "hold.released")
    assert kept in of(week.registry, "hold.placed", content_id=HELD_CONTENT)
    assert of(week.registry, "content.removed", cancels_script_fee=True) == {REMOVED_BEFORE}
    assert of(wave.registry, "content.removed", cancels_script_fee=True) == {REMOVED_AFTER}
    contents = {one["content_id"] for one in week.registry if one["event_type"] == "content.registered"}
    assert {HELD_CONTENT, REMOVED_BEFORE, REMOVED_AFTER} <= contents


def test_the_week_has_what_settling_decides(week: Week) -> None:
    plans = [one for one in week.registry if one["event_type"] == "plan.published"]
    for name in ("tiers", "new_customer_bonus_minor", "auto_receive_days"):
        assert any(plan.get(name) for plan in plans), name
    assert any(order["new_customer"] for order in paid_orders(week.log).values())
    campaigns = {event.get("campaign_id") for event in week.log}
    assert BUDGETS.keys() <= campaigns


def test_orders_of_buyers_that_touched_little_come_first(week: Week, wave: Wave) -> None:
    touches = Counter(event["buyer_id"] for event in week.log if record(event).topic == CLICKS.name)
    orders = paid_orders(week.log)
    counts = [touches[orders[order]["buyer_id"]] for order in quiet_first(week, wave.hit["half"])]
    assert counts == sorted(counts)
    assert len(set(counts)) > 1


def test_a_small_week_has_a_wave_too() -> None:
    assert {name for name, orders in second_wave(shop_week(300)).hit.items() if orders} >= {"refund", "half"}
