"""A new generation of the input topics: the offsets that state remembers belong to logs that are gone.

What came from an earlier generation gets a negative offset: below every one to come, in its old order, still unique.
In a version vector it counts as 0, for the vector names the events of its own generation only; what came before is
the same for all of them.
"""

from services.attribution.domain.buyer import Buyer, Order


def rebased_buyer(buyer: Buyer, clicks_next: int, orders_next: int) -> Buyer:
    """A buyer's state for logs that begin anew, where the old ones were read up to these offsets."""
    return Buyer(
        {offset - clicks_next: touch for offset, touch in buyer.touches.items()},
        {order_id: _rebased_order(order, clicks_next) for order_id, order in buyer.orders.items()},
        {
            order_id: [(offset - orders_next, fact) for offset, fact in facts]
            for order_id, facts in buyer.waiting.items()
        },
    )


def _rebased_order(order: Order, clicks_next: int) -> Order:
    candidates = [offset - clicks_next for offset in order.candidates]
    return Order(order.payment, order.facts, 0, candidates)
