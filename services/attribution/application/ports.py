"""What the use cases need of the world around them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from services.attribution.domain.buyer import Buyer


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


class Buyers(Protocol):
    """The buyers of one partition."""

    def fetch(self, buyer_ids: Iterable[str]) -> Mapping[str, Buyer]:
        """A mapping that holds at least these buyers, new ones empty; changes to them are kept after `changed`."""

    def changed(self, buyer_ids: Iterable[str]) -> None:
        """These buyers differ from what is stored."""
