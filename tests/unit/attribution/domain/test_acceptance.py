"""What is accepted and what is forgotten: one sentence a rule."""

from functools import partial

import pytest

from services.attribution.domain import facts
from services.attribution.domain.acceptance import accept_fact, accept_payment, accept_touch
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.horizons import (
    FACTS_PER_ORDER,
    FUTURE,
    ORDERS_PER_BUYER,
    TOUCHES_PER_DAY,
    WAITING_PER_BUYER,
    Horizons,
)
from services.kernel.errors import Refused
from services.kernel.time import DAY
from tests.kit.attribution_words import NOW, fact, line, payment, touch

H = Horizons()
EVER = -(10**18)


def take_touch(buyer, one, offset=0, clicks_at=EVER, appended_at=NOW):
    return accept_touch(buyer, one, offset, appended_at, clicks_at, H)


def take_payment(buyer, one, offset=0, orders_at=EVER, appended_at=NOW):
    return accept_payment(buyer, one, offset, appended_at, orders_at, H)


def take_fact(buyer, one, offset=5, orders_at=EVER, appended_at=NOW + DAY, order_id="o_1"):
    return accept_fact(buyer, order_id, one, offset, appended_at, orders_at, H, has_room=True)


def reason_of(step, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        step(*args, **kwargs)
    return refused.value.reason


def test_the_same_touch_twice_has_no_effect():
    buyer = Buyer()
    assert take_touch(buyer, touch()) == []
    assert take_touch(buyer, touch(), 1) is None
    assert list(buyer.touches) == [0]


def test_another_touch_under_a_used_id_is_a_conflict():
    buyer = Buyer()
    take_touch(buyer, touch())
    assert reason_of(take_touch, buyer, touch(koc_id="k_2"), 1) == "id_conflict"


def test_a_touch_may_be_late_by_the_limit_and_no_more():
    watermark = NOW + H.touch_lateness
    assert take_touch(Buyer(), touch(at=NOW), clicks_at=watermark) == []
    assert reason_of(take_touch, Buyer(), touch(at=NOW - 1), clicks_at=watermark) == "too_late"


def test_an_id_is_remembered_as_long_as_its_touch_could_be_accepted():
    buyer = Buyer()
    take_touch(buyer, touch(at=NOW))
    assert reason_of(take_touch, buyer, touch(at=NOW + 1), 1, NOW + H.touch_lateness) == "id_conflict"
    assert take_touch(buyer, touch(at=NOW + 1), 1, NOW + H.touch_lateness + 1) == []


def test_a_buyer_has_so_many_touches_a_day_and_no_more():
    buyer = Buyer()
    for i in range(TOUCHES_PER_DAY):
        take_touch(buyer, touch(f"t{i}", at=NOW + i), i)
    assert reason_of(take_touch, buyer, touch("more", at=NOW + DAY - 1), 999, appended_at=NOW + DAY) == "too_many"
    assert take_touch(buyer, touch("tomorrow", at=NOW + DAY), 1000, appended_at=NOW + DAY) == []


def test_an_event_may_be_an_hour_ahead_of_the_broker_and_no_more():
    assert take_touch(Buyer(), touch(at=NOW + FUTURE)) == []
    assert reason_of(take_touch, Buyer(), touch(at=NOW + FUTURE + 1)) == "in_future"
    assert reason_of(take_payment, Buyer(), payment(at=NOW + FUTURE + 1)) == "in_future"


def test_a_duplicate_is_no_conflict_however_late_it_comes():
    buyer = Buyer()
    take_payment(buyer, payment())
    assert take_payment(buyer, payment(), 1, NOW + H.order_memory) is None


def test_a_second_payment_of_an_order_is_a_conflict():
    buyer = Buyer()
    take_payment(buyer, payment())
    assert reason_of(take_payment, buyer, payment(event_id="other"), 1) == "id_conflict"
    assert reason_of(take_payment, buyer, payment(lines=(line(quantity=2),)), 1) == "id_conflict"


def test_a_payment_may_be_late_by_the_limit_and_no_more():
    watermark = NOW + H.order_lateness
    assert take_payment(Buyer(), payment(), orders_at=watermark) is not None
    assert reason_of(take_payment, Buyer(), payment(at=NOW - 1), orders_at=watermark) == "too_late"


def test_candidates_are_all_touches_of_the_window_whichever_came_first():
    for touches_first in (True, False):
        buyer = Buyer()
        if not touches_first:
            take_payment(buyer, payment(), 7)
        for offset, age in enumerate((0, H.candidate_window, H.candidate_window + 1, -1)):
            take_touch(buyer, touch(f"t{offset}", at=NOW - age), offset)
        if touches_first:
            take_payment(buyer, payment(), 7)
        assert buyer.orders["o_1"].candidates == [0, 1]


def test_an_event_of_an_unknown_order_waits_for_it():
    buyer = Buyer()
    received = fact(facts.RECEIVED)
    assert take_fact(buyer, received) is True
    assert take_fact(buyer, received, 6) is False
    assert buyer.waiting["o_1"] == [(5, received)]
    assert reason_of(take_fact, buyer, fact(facts.COMPLETED)) == "id_conflict"


def test_an_event_of_an_unknown_order_is_too_late_where_its_order_would_be():
    orders_at = NOW + H.order_lateness
    assert take_fact(Buyer(), fact(facts.RECEIVED, at=NOW), orders_at=orders_at) is True
    assert reason_of(take_fact, Buyer(), fact(facts.RECEIVED, at=NOW - 1), orders_at=orders_at) == "too_late"


def test_a_known_order_takes_events_as_long_as_it_is_remembered():
    buyer = Buyer()
    order = take_payment(buyer, payment())
    last = NOW + H.order_memory
    assert take_fact(buyer, fact(facts.RECEIVED, "a"), orders_at=last) is order
    assert reason_of(take_fact, buyer, fact(facts.RECEIVED, "b"), orders_at=last + 1) == "too_late"


def test_an_event_that_names_a_line_its_order_does_not_have_is_refused():
    buyer = Buyer()
    take_payment(buyer, payment())
    refund = fact(facts.REFUNDED, refund_id="rf", refunds=(("9", 1, 0),))
    assert reason_of(take_fact, buyer, refund) == "unknown_line"
    assert reason_of(take_fact, buyer, fact(facts.CANCELLED, line_ids=("9",))) == "unknown_line"


def test_the_vector_names_the_latest_event_of_the_order():
    buyer = Buyer()
    order = take_payment(buyer, payment(), 8)
    take_fact(buyer, fact(facts.RECEIVED), 3)
    assert order.next_offset == 9
    take_fact(buyer, fact(facts.COMPLETED, "e2"), 20)
    assert order.next_offset == 21


def test_an_order_has_so_many_events_and_no_more():
    buyer = Buyer()
    take_payment(buyer, payment())
    for i in range(FACTS_PER_ORDER):
        take_fact(buyer, fact(facts.RECEIVED, f"e{i}"))
    assert reason_of(take_fact, buyer, fact(facts.RECEIVED, "more")) == "too_many"
    assert take_fact(buyer, fact(facts.RECEIVED, "e0")) is False


def test_a_buyer_has_so_many_orders_that_accept_events_and_no_more():
    buyer = Buyer()
    for i in range(ORDERS_PER_BUYER):
        take_payment(buyer, payment(f"o_{i}", at=NOW + i, event_id=f"p_{i}"), i, NOW)
    assert reason_of(take_payment, buyer, payment("more", at=NOW + DAY), appended_at=NOW + DAY) == "too_many"
    first_forgotten = NOW + H.order_memory + 1
    assert take_payment(buyer, payment("more", at=first_forgotten), 5000, first_forgotten, first_forgotten) is not None


def test_so_many_events_of_a_buyer_wait_for_their_orders_and_no_more():
    buyer = Buyer()
    for i in range(WAITING_PER_BUYER):
        take_fact(buyer, fact(facts.RECEIVED, f"e{i}", at=NOW), order_id=f"o_{i}")
    assert reason_of(take_fact, buyer, fact(facts.RECEIVED, "more"), order_id="o_more") == "too_many"
    waited_too_long = NOW + H.order_lateness + 1
    assert take_fact(buyer, fact(facts.RECEIVED, "more"), orders_at=waited_too_long, order_id="o_more") is True


def test_no_more_events_wait_for_their_orders_than_the_partition_has_room_for():
    buyer = Buyer()
    take_payment(buyer, payment())
    crowded = partial(accept_fact, buyer, offset=5, appended_at=NOW + DAY, orders_at=EVER, horizons=H, has_room=False)
    assert reason_of(crowded, "o_2", fact(facts.RECEIVED)) == "too_many"
    assert crowded("o_1", fact(facts.RECEIVED)) is buyer.orders["o_1"]
