"""What is forgotten of a buyer, and what must not be: one sentence a rule."""

import pytest

from services.attribution.domain import acceptance
from services.attribution.domain.acceptance import accept_payment, accept_touch
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import forget, retention_of
from services.attribution.domain.horizons import Horizons, Watermarks
from services.kernel.errors import Refused
from services.kernel.time import DAY
from tests.kit.attribution_words import NOW, payment, touch

H = Horizons()
EVER = -(10**18)


def take_touch(buyer, one, offset=0, clicks_at=EVER, appended_at=NOW):
    return accept_touch(buyer, one, offset, appended_at, clicks_at, H)


def take_payment(buyer, one, offset=0, orders_at=EVER, appended_at=NOW):
    return accept_payment(buyer, one, offset, appended_at, orders_at, H)


def test_a_touch_is_kept_while_an_order_or_its_id_may_need_it():
    buyer = Buyer()
    take_touch(buyer, touch("kept"), 0)
    take_touch(buyer, touch("old", at=NOW - 30 * DAY), 1)
    take_payment(buyer, payment())
    far = NOW + 100 * DAY
    forget(buyer, retention_of(Watermarks(clicks=NOW - 29 * DAY, orders=far), H))
    assert list(buyer.touches) == [0, 1]
    forget(buyer, retention_of(Watermarks(clicks=far, orders=far), H))
    assert list(buyer.touches) == [0]


def test_an_order_is_kept_while_either_log_may_still_reach_it():
    buyer = Buyer()
    take_payment(buyer, payment())
    gone = NOW + H.order_memory + 1
    forget(buyer, retention_of(Watermarks(clicks=NOW + H.touch_lateness, orders=gone), H))
    forget(buyer, retention_of(Watermarks(clicks=gone, orders=NOW + H.order_memory), H))
    assert "o_1" in buyer.orders
    forget(buyer, retention_of(Watermarks(clicks=NOW + H.touch_lateness + 1, orders=gone), H))
    assert buyer.is_empty()


def test_a_day_that_still_accepts_touches_counts_also_those_that_are_too_late_by_now(monkeypatch):
    monkeypatch.setattr(acceptance, "TOUCHES_PER_DAY", 2)
    buyer = Buyer()
    midnight = NOW // DAY * DAY
    take_touch(buyer, touch("t1", at=midnight), 0)
    take_touch(buyer, touch("t2", at=midnight + 2), 1)
    noon = Watermarks(clicks=midnight + H.touch_lateness + DAY // 2, orders=NOW + 100 * DAY)
    forget(buyer, retention_of(noon, H))
    with pytest.raises(Refused) as refused:
        take_touch(buyer, touch("t3", at=midnight + DAY - 1), 2, appended_at=NOW + DAY)
    assert refused.value.reason == "too_many"
    forget(buyer, retention_of(noon._replace(clicks=noon.clicks + DAY), H))
    assert buyer.is_empty()


def test_a_touch_id_counts_once_for_an_order_though_its_newest_touch_was_forgotten():
    buyer = Buyer()
    day = DAY
    take_touch(buyer, touch("x", at=NOW - 14 * day), 0)
    take_payment(buyer, payment(at=NOW))
    take_touch(buyer, touch("x", at=NOW - 10 * day), 1, clicks_at=NOW - 10 * day)
    forget(buyer, retention_of(Watermarks(clicks=NOW - 6 * day, orders=NOW + 60 * day), H))
    assert list(buyer.touches) == [0]
    take_touch(buyer, touch("x", at=NOW - 5 * day), 2, clicks_at=NOW - 5 * day)
    assert buyer.orders["o_1"].candidates == [0]
