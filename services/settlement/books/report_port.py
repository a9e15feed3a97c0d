"""What reports read of the books, in one unchanging snapshot."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_ports import FeeBooked
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.reporting.grouping import Selection
from services.settlement.domain.reporting.line_shares import SoldLine

ProductName = tuple[str, str]
"""brand_id, product_id."""


class ReportBooks(Protocol):
    """The books at one moment."""

    def sold_lines(self, selection: Selection) -> Iterator[SoldLine]:
        """Lines of the brand that were paid in the range, sorted by order_id; streamed.

        Lines that lost their place are among them if something is settled of them. The selection's KOC and campaign may
        be ignored: they choose shares.
        """

    def first_sales(self) -> Mapping[ProductName, int]:
        """When each product was first paid, microseconds, by the lines that stand."""

    def reference(self) -> Reference:
        """Plans, relations and house settings."""

    def facts(self, kind: str) -> dict[str, ReferenceEvent]:
        """All standing registry events of one kind by identity."""

    def script_fees(self) -> Iterable[FeeBooked]:
        """All that are booked or settled."""
