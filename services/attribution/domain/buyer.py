"""The state of one buyer: touches, orders with their candidates, and events that wait for their order.

Touches are keyed by their offset in the clicks log. Orders name their candidates by this offset, so that a touch is
kept once, however many orders share it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.attribution.domain.facts import Fact, Payment, Touch
from services.kernel.time import DAY

NEVER = 10**18
"""Later than any event; negative, earlier."""


@dataclass(slots=True)
class Order:
    """A paid order.

    Attributes:
        facts: accepted events of the order by event_id, without its payment.
        next_offset: the greatest offset + 1 of its accepted events: the `order` part of the version vector.
        candidates: offsets of its candidate touches, ascending; only the first touch of each touch id.
    """

    payment: Payment
    facts: dict[str, Fact]
    next_offset: int
    candidates: list[int]

    def is_published(self) -> bool:
        """Whether the order has a candidate or a declaration, so that its lines are published."""
        return bool(self.candidates) or self.payment.declared is not None


@dataclass(slots=True)
class Buyer:
    """One buyer's state. Only the first three attributes are stored; the others follow from them.

    Attributes:
        touches: accepted touches by offset, ascending.
        orders: by order_id.
        waiting: facts whose order is not known yet, by order_id; each list of (offset, fact) ascending.
        offsets: the offset of the newest touch of each id.
        latest_paid_at: no order was paid later.
        oldest_paid_at: no order was paid earlier.
        oldest_touch_at: no touch that may be forgotten independently of orders is older.
    """

    touches: dict[int, Touch] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    waiting: dict[str, list[tuple[int, Fact]]] = field(default_factory=dict)
    offsets: dict[str, int] = field(init=False)
    latest_paid_at: int = field(init=False)
    oldest_paid_at: int = field(init=False)
    oldest_touch_at: int = field(init=False)
    _by_day: dict[int, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.offsets = {touch.event_id: offset for offset, touch in self.touches.items()}
        paid = [order.payment.paid_at for order in self.orders.values()]
        self.latest_paid_at, self.oldest_paid_at = max(paid, default=-NEVER), min(paid, default=NEVER)
        self.oldest_touch_at = min([touch.occurred_at for touch in self.touches.values()], default=NEVER)

    def add_touch(self, offset: int, touch: Touch) -> None:
        """Add an accepted touch; its offset is the greatest so far."""
        occurred_at = touch.occurred_at
        self.touches[offset] = touch
        self.offsets[touch.event_id] = offset
        if occurred_at < self.oldest_touch_at:
            self.oldest_touch_at = occurred_at
        if self._by_day is not None:
            day = occurred_at // DAY
            self._by_day[day] = self._by_day.get(day, 0) + 1

    def touches_on(self, day: int) -> int:
        """The number of touches on a UTC day (days since the epoch); complete while the day accepts more of them."""
        if self._by_day is None:
            self._by_day = Counter(touch.occurred_at // DAY for touch in self.touches.values())
        return self._by_day.get(day, 0)

    def add_order(self, order: Order) -> None:
        """Add a paid order."""
        paid_at = order.payment.paid_at
        self.orders[order.payment.order_id] = order
        self.latest_paid_at, self.oldest_paid_at = max(self.latest_paid_at, paid_at), min(self.oldest_paid_at, paid_at)

    def keep(self, orders: dict[str, Order], without: Iterable[int]) -> None:
        """Keep only these orders, and drop the touches of these offsets."""
        self.orders = orders
        self.oldest_paid_at = min([order.payment.paid_at for order in orders.values()], default=NEVER)
        self._by_day = None
        for offset in without:
            del self.touches[offset]
        self.offsets = {touch.event_id: offset for offset, touch in self.touches.items()}

    def is_empty(self) -> bool:
        """Whether the state holds nothing, so that nothing has to be stored."""
        return not (self.touches or self.orders or self.waiting)
