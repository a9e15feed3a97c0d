"""What the use cases need from their surroundings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Touch


class Source(Protocol):
    """A record as the broker gave it, kept whole: a refused record is sent on unchanged."""

    @property
    def offset(self) -> int:
        """Its offset in its partition."""

    @property
    def timestamp(self) -> int:
        """When the broker appended it: milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """Its key, of any bytes."""

    @property
    def value(self) -> bytes | None:
        """Its value, None for a tombstone."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]]:
        """Its headers."""


@dataclass(slots=True)
class Changes:
    """The changes of a chunk to the buyers of a partition.

    Attributes:
        buyers: all changed buyers, by id.
        touches: new touches: (buyer_id, offset, touch).
        orders: new or changed orders with their buyers, by (buyer_id, order_id).
        waiting: buyers whose waiting facts have changed, by id.
    """

    buyers: dict[str, Buyer] = field(default_factory=dict)
    touches: list[tuple[str, int, Touch]] = field(default_factory=list)
    orders: dict[tuple[str, str], tuple[Buyer, Order]] = field(default_factory=dict)
    waiting: dict[str, Buyer] = field(default_factory=dict)


class Buyers(Protocol):
    """The buyers of one partition."""

    def fetch(self, buyer_ids: Iterable[str]) -> Mapping[str, Buyer]:
        """A mapping with at least these buyers; a new buyer is empty. Changes to them are kept only after `note`."""

    def note(self, changes: Changes) -> None:
        """Note changes that were made to fetched buyers."""
