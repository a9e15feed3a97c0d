"""The demo's events: valid, fixed, rich enough, and in every order of arrival inside the lateness limits."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import groupby

import pytest

from schemas import decoding
from schemas.plans import PlanPublished
from schemas.reasons import UNUSABLE, Reason
from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS, REGISTRY
from services.demo import conversion_paths, poison
from services.demo.events import Event, record
from services.demo.second_wave import second_wave
from services.demo.shop_week import BEGIN, Week, arrivals, shop_week
from services.kernel.time import DAY, parse_rfc3339
from services.runtime.kafka import partition_of

TOUCH_LATENESS, ORDER_LATENESS, TOUCHES_A_DAY = 3 * DAY, 15 * DAY, 200
VALUE = 7_480_294
"""Published: 74,802.971587; each path's value is rounded to the minor unit."""
TODAY = parse_rfc3339("2026-11-24T00:00:00Z")


@pytest.fixture(scope="module")
def week() -> Week:
    return shop_week(2_000)


def read(event: Event) -> object:
    sent = record(event)
    return decoding.read(sent.topic, sent.value)


def test_there_are_19785_conversions_and_their_value_is_the_published_one() -> None:
    found = list(conversion_paths.conversions())
    assert len(found) == 19_785
    assert len({one.number for one in found}) == 19_785
    assert sum(one.value_minor for one in found) == VALUE
    assert sum(len(one.channels) for one in found) == 86_322


def test_the_last_channels_of_the_paths_add_up_to_the_published_totals() -> None:
    assert (
        Counter(one.channels[-1] for one in conversion_paths.conversions()).items()
        >= conversion_paths.LAST_CLICK.items()
    )


def test_every_path_event_is_valid_and_its_steps_come_in_order_before_the_order() -> None:
    events = list(conversion_paths.events())
    for event in events[::97]:
        read(event)
    for _, journey in groupby(events, key=lambda event: event["buyer_id"]):
        steps = [(event["occurred_at"], event["event_type"]) for event in journey]
        assert steps == sorted(steps)
        assert [kind for _, kind in steps[-2:]] == ["click", "order.paid"]
    assert_nothing_late(events)


def test_every_event_of_the_week_is_valid_and_in_the_past(week: Week) -> None:
    wave = second_wave(week)
    for event in [*week.registry, *week.log, *wave.registry, *wave.log]:
        read(event)
        assert parse_rfc3339(event["occurred_at"]) < TODAY
    for event in conversion_paths.registry():
        assert isinstance(read(event), PlanPublished)


def test_a_seed_is_a_week_the_same_for_ever(week: Week) -> None:
    def digest(events: Iterable[Event]) -> str:
        return hashlib.sha256(b"\n".join(record(event).value or b"" for event in events)).hexdigest()

    assert digest(shop_week(2_000).log) == digest(week.log)
    assert digest(shop_week(2_000, seed=8).log) != digest(week.log)
    assert digest(arrivals(week.log, seed=1)) == digest(arrivals(shop_week(2_000).log, seed=1))
    again, wave = second_wave(shop_week(2_000)), second_wave(week)
    assert digest([*again.registry, *again.log]) == digest([*wave.registry, *wave.log])


def test_no_id_is_given_to_two_events_and_no_identity_to_two_facts(week: Week) -> None:
    wave = second_wave(week)
    facts = [*week.registry, *wave.registry]
    assert max(Counter(event["event_id"] for event in [*week.log, *wave.log]).values()) == 1
    assert max(Counter((event["event_type"], read(event).identity) for event in facts).values()) == 1  # type: ignore[attr-defined]


def test_the_week_has_everything_that_happens_in_shops(week: Week) -> None:
    kinds = Counter(event["event_type"] for event in [*week.log, *week.registry, *second_wave(week).registry])
    assert kinds.keys() == decoding_types()
    assert min(kinds[event["event_type"]] for event in week.log) >= 10
    touches = [event for event in week.log if record(event).topic == CLICKS.name]
    orders = {event["order_id"]: event for event in week.log if event["event_type"] == "order.paid"}
    assert {touch["traffic"] for touch in touches} == {"natural", "boosted", "paid"}
    assert any(touch["koc_id"] == touch["buyer_id"] for touch in touches)
    assert any(len(order["lines"]) > 1 for order in orders.values())
    assert any(order["declared"] for order in orders.values())
    assert len({order["platform"] for order in orders.values()}) > 2
    assert len({order["shop_id"] for order in orders.values()}) > 5
    assert len({line["brand_id"] for order in orders.values() for line in order["lines"]}) > 5
    refunded: dict[tuple[str, str], int] = defaultdict(int)
    for event in week.log:
        if event["event_type"] == "order.refunded":
            for line in event["lines"]:
                refunded[event["order_id"], line["line_id"]] += line["refund_minor"]
    paid = {
        (name, line["line_id"]): line["goods_paid_minor"] for name, order in orders.items() for line in order["lines"]
    }
    assert {(refunded[line] > 0) + (refunded[line] == paid[line]) for line in refunded} == {1, 2}
    plans = [event for event in week.registry if event["event_type"] == "plan.published"]
    assert {plan["version"] for plan in plans} == {1, 2}
    assert {plan["kind"] for plan in plans} == {"open", "targeted"}


def decoding_types() -> set[str]:
    from schemas.specimens import MODELS

    orders, registry = MODELS[ORDERS.name].keys(), MODELS[REGISTRY.name].keys()
    return {"click", "view", "code"} | set(orders) | set(registry)


def assert_nothing_late(log: Iterable[Event]) -> None:
    """Acceptance, simulated: each partition's watermark, and the limit on touches a day."""
    marks: dict[tuple[str, int], int] = defaultdict(int)
    touches: Counter[tuple[str, int]] = Counter()
    seen: set[str] = set()
    for event in log:
        topic, at = record(event).topic, parse_rfc3339(event["occurred_at"])
        place = topic, partition_of(event["buyer_id"].encode(), BUYER_PARTITIONS)
        assert at >= marks[place] - (TOUCH_LATENESS if topic == CLICKS.name else ORDER_LATENESS), event
        marks[place] = max(marks[place], at)
        if topic == CLICKS.name and event["event_id"] not in seen:
            seen.add(event["event_id"])
            touches[event["buyer_id"], at // DAY] += 1
    assert not touches or max(touches.values()) <= TOUCHES_A_DAY


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_order_of_arrival_makes_anything_late_and_a_tenth_comes_twice(week: Week, seed: int) -> None:
    log = arrivals(week.log, seed)
    assert_nothing_late(log)
    assert {event["event_id"] for event in log} == {event["event_id"] for event in week.log}
    assert 0.08 < len(log) / len(week.log) - 1 < 0.12
    times = [parse_rfc3339(event["occurred_at"]) for event in log]
    assert times != sorted(times)
    assert log != arrivals(week.log, seed + 1)


def test_touches_do_arrive_after_the_orders_that_they_earn(week: Week) -> None:
    waiting: dict[str, list[str]] = defaultdict(list)
    late = 0
    for event in arrivals(week.log, 1):
        if event["event_type"] == "order.paid":
            waiting[event["buyer_id"]].append(event["occurred_at"])
        elif event["event_type"] == "click":
            late += any(event["occurred_at"] < paid_at for paid_at in waiting[event["buyer_id"]])
    assert late > 50


def test_poison_is_of_ten_kinds_and_what_only_the_bytes_decide_is_decided_so() -> None:
    bad = poison.bad()
    assert len({one.kind for one in bad}) == 10
    assert {one.reason for one in bad} >= set(UNUSABLE) | {Reason.ID_CONFLICT, Reason.IN_FUTURE, Reason.UNKNOWN_LINE}
    for one in [*bad, *poison.registry()]:
        if one.reason in UNUSABLE:
            with pytest.raises(decoding.InvalidEvent) as refused:
                decoding.read(one.record.topic, one.record.value)
            assert refused.value.reason == one.reason
        else:
            decoding.read(one.record.topic, one.record.value)
    for sent in [*poison.good(), *poison.afterwards(), *poison.misplaced()]:
        decoding.read(sent.topic, sent.value)
    assert min(parse_rfc3339(event["occurred_at"]) for event in shop_week(100).log) < BEGIN + 7 * DAY


def test_misplaced_events_are_in_a_partition_that_is_not_their_keys() -> None:
    for sent in poison.misplaced():
        assert sent.key is not None
        assert sent.partition not in {None, partition_of(sent.key, BUYER_PARTITIONS)}
