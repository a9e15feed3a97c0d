"""What is remembered of one buyer: touches, orders with their candidates, and events that wait for their order.

Touches are keyed by their offset in the clicks log, and orders name their candidates by it: however many orders share
a touch, it is kept once.
"""

from dataclasses import dataclass, field

from services.attribution.domain.facts import Fact, Payment, Touch


@dataclass(slots=True)
class Order:
    """A paid order.

    Attributes:
        facts: accepted events of the order by event_id, without its payment.
        next_offset: the greatest offset + 1 of its accepted events: the `order` part of the version vector.
        candidates: offsets of its candidate touches, ascending; of touches with one id only the first.
    """

    payment: Payment
    facts: dict[str, Fact]
    next_offset: int
    candidates: list[int]

    def is_published(self) -> bool:
        """Whether there is anything to say about who is credited for this order."""
        return bool(self.candidates) or self.payment.declared is not None


@dataclass(slots=True)
class Buyer:
    """One buyer's state.

    Attributes:
        touches: accepted touches by offset, ascending.
        orders: by order_id.
        waiting: facts whose order is not known yet: by order_id, then (offset, fact) ascending.
        touches_by_day: how many touches were accepted for a UTC day (days since the epoch).
        offsets: the offset of the newest touch of each id; follows from `touches` and is not stored.
    """

    touches: dict[int, Touch] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    waiting: dict[str, list[tuple[int, Fact]]] = field(default_factory=dict)
    touches_by_day: dict[int, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.offsets = {touch.event_id: offset for offset, touch in self.touches.items()}

    def is_empty(self) -> bool:
        """Whether nothing is remembered, so that nothing need be stored."""
        return not (self.touches or self.orders or self.waiting or self.touches_by_day)
