"""A new generation of the input topics: the offsets in the state belong to logs that no longer exist.

An event of an earlier generation gets a negative offset: below all offsets to come, in the old order, still unique.
In a version vector it counts as 0, because the vector names only events of its own generation; all vectors of one
generation have the same earlier events behind them.
"""

from services.attribution.domain.buyer import Buyer, Order


def rebased_buyer(buyer: Buyer, clicks_next: int, orders_next: int) -> Buyer:
    """A buyer's state for logs that begin again; the old logs were read up to these offsets."""
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
