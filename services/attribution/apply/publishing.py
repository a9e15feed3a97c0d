"""Which orders are published: those with a new truth, but for those that lost records could belong to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from services.attribution.apply.shard import Shard
from services.attribution.domain.assertion import Assertion, assertions
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.horizons import ALWAYS
from services.attribution.domain.policy import Rules

PUBLISHED_AT_ONCE = 1000
"""Orders in memory at a time when all of a store are published again; a buyer's are not parted."""


class Publication(NamedTuple):
    """Orders with a new truth, under the terms by which it is published.

    Attributes:
        orders: those that are published, with their buyers, by (buyer_id, order_id).
        withheld: how many others are not, because lost records could belong to them (see domain.truncation).
    """

    orders: Mapping[tuple[str, str], tuple[Buyer, Order]]
    withheld: int
    rules: Rules
    log: int

    def assertions(self) -> Iterator[Assertion]:
        """The truth of each line, once however often it changed on the way."""
        for (buyer_id, _), (buyer, order) in self.orders.items():
            yield from assertions(buyer_id, buyer, order, self.rules, self.log)


def publication(shard: Shard, orders: Mapping[tuple[str, str], tuple[Buyer, Order]]) -> Publication:
    """What is published of orders that have a new truth."""
    published = orders
    if shard.publish_from != ALWAYS:
        published = {
            at: (buyer, order) for at, (buyer, order) in orders.items() if order.payment.paid_at >= shard.publish_from
        }
    return Publication(published, len(orders) - len(published), shard.rules, shard.log)


def republications(shard: Shard, buyers: Iterable[tuple[str, Buyer]]) -> Iterator[Publication]:
    """What is published when every order of these buyers is published again, a bounded number at a time."""
    orders: dict[tuple[str, str], tuple[Buyer, Order]] = {}
    for buyer_id, buyer in buyers:
        orders.update({(buyer_id, order_id): (buyer, order) for order_id, order in buyer.orders.items()})
        if len(orders) >= PUBLISHED_AT_ONCE:
            yield publication(shard, orders)
            orders = {}
    yield publication(shard, orders)
