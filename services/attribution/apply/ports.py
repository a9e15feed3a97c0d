"""What the use cases need of the world around them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Touch


class Source(Protocol):
    """A record as the broker gave it; kept whole, because a refused one travels on as it came."""

    @property
    def offset(self) -> int:
        """Its place in its partition."""

    @property
    def timestamp(self) -> int:
        """When the broker appended it: milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """Its key, whatever it is."""

    @property
    def value(self) -> bytes | None:
        """Its value, None for a tombstone."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]]:
        """Its headers."""


@dataclass(slots=True)
class Changes:
    """How a stretch of records has changed what is known of buyers.

    Attributes:
        buyers: all of whom something has changed, by id.
        touches: new ones: (buyer_id, offset, touch).
        orders: new or changed ones with their buyers, by (buyer_id, order_id).
        waiting: those whose waiting facts have changed, by id.
    """

    buyers: dict[str, Buyer] = field(default_factory=dict)
    touches: list[tuple[str, int, Touch]] = field(default_factory=list)
    orders: dict[tuple[str, str], tuple[Buyer, Order]] = field(default_factory=dict)
    waiting: dict[str, Buyer] = field(default_factory=dict)


class Buyers(Protocol):
    """The buyers of one partition."""

    def fetch(self, buyer_ids: Iterable[str]) -> Mapping[str, Buyer]:
        """A mapping that holds at least these buyers, new ones empty; changes to them are kept after `note`."""

    def note(self, changes: Changes) -> None:
        """Buyers differ from what is stored by this."""
