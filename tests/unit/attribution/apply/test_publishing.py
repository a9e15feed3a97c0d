"""Which orders are published, and how many are withheld."""

import pytest

from services.attribution.apply import publishing
from services.attribution.apply.publishing import publication, republications
from services.attribution.apply.shard import Shard
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.horizons import ALWAYS, Horizons
from tests.kit.attribution_words import NOW, RULES, payment, touch


def buyer_of(*order_ids):
    """A buyer with these orders, each with one candidate."""
    buyer = Buyer({0: touch()})
    for order_id in order_ids:
        buyer.add_order(Order(payment(order_id), {}, 1, [0]))
    return buyer


def shard(publish_from=ALWAYS):
    return Shard(None, WaitingRoom({}), RULES, Horizons(), publish_from=publish_from)


@pytest.mark.parametrize(
    ("publish_from", "order_ids", "withheld"), [(ALWAYS, ["o_1"], 0), (NOW, ["o_1"], 0), (NOW + 1, [], 1)]
)
def test_an_order_is_withheld_if_lost_events_could_belong_to_it(publish_from, order_ids, withheld):
    buyer = buyer_of("o_1")
    published = publication(shard(publish_from), {("b_1", "o_1"): (buyer, buyer.orders["o_1"])})
    assert [assertion.payment.order_id for assertion in published.assertions()] == order_ids
    assert published.withheld == withheld


def test_every_order_is_published_again_once_and_a_bounded_number_at_a_time(monkeypatch):
    monkeypatch.setattr(publishing, "PUBLISHED_AT_ONCE", 2)
    buyers = [("b_1", buyer_of("o_1")), ("b_2", buyer_of("o_2", "o_3", "o_4")), ("b_3", buyer_of("o_5"))]
    batches = [
        [(assertion.buyer_id, assertion.payment.order_id) for assertion in published.assertions()]
        for published in republications(shard(), buyers)
    ]
    assert batches == [[("b_1", "o_1"), ("b_2", "o_2"), ("b_2", "o_3"), ("b_2", "o_4")], [("b_3", "o_5")]]
