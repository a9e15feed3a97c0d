"""Which orders are published: those with a new truth, except those that lost records could belong to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from services.attribution.apply.shard import Shard
from services.attribution.domain.assertion import Assertion, assertions
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.horizons import ALWAYS
from services.attribution.domain.policy import Rules

PUBLISHED_AT_ONCE = 1000
"""Orders in memory at a time when a whole store is published again; the orders of one buyer stay together."""


class Publication(NamedTuple):
    """Orders whose new truth is published, with the rules and the generation that apply.

    Attributes:
        orders: the published orders with their buyers, by (buyer_id, order_id).
        withheld: how many other orders are not published, because lost records could belong to them.
        log: generation of the input topics.
    """

    orders: Mapping[tuple[str, str], tuple[Buyer, Order]]
    withheld: int
    rules: Rules
    log: int

    def assertions(self) -> Iterator[Assertion]:
        """The current truth of each line, once, however often it has changed in the chunk."""
        for (buyer_id, _), (buyer, order) in self.orders.items():
            yield from assertions(buyer_id, buyer, order, self.rules, self.log)


def publication(shard: Shard, orders: Mapping[tuple[str, str], tuple[Buyer, Order]]) -> Publication:
    """The publication of orders with a new truth."""
    published = orders
    if shard.publish_from != ALWAYS:
        published = {
            at: (buyer, order) for at, (buyer, order) in orders.items() if order.payment.paid_at >= shard.publish_from
        }
    return Publication(published, len(orders) - len(published), shard.rules, shard.log)


def republications(shard: Shard, buyers: Iterable[tuple[str, Buyer]]) -> Iterator[Publication]:
    """The publications of all orders of these buyers, a bounded number of orders each."""
    orders: dict[tuple[str, str], tuple[Buyer, Order]] = {}
    for buyer_id, buyer in buyers:
        orders.update({(buyer_id, order_id): (buyer, order) for order_id, order in buyer.orders.items()})
        if len(orders) >= PUBLISHED_AT_ONCE:
            yield publication(shard, orders)
            orders = {}
    yield publication(shard, orders)
