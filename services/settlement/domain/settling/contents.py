"""Money that a content costs by itself: its script fee and paid traffic, as targets per content.

Each fact may come before or after the others; a target is a function of the facts that stand.
"""

from dataclasses import dataclass

from services.settlement.domain.book import chart
from services.settlement.domain.book.positions import Position

SCRIPT_FEE_POSITION = "script_fee"
SPEND_POSITION = "spend"
"""What a content is booked for; with the content's or the spend's id, the name of a position."""

PLATFORM_PAYS = "platform"
KOC_PAYS = "koc"


@dataclass(frozen=True, slots=True)
class Content:
    """A registered content: who made it, for which brand, and what its script is worth."""

    content_id: str
    koc_id: str
    platform: str
    brand_id: str | None
    script_fee_minor: int
    currency: str | None


@dataclass(frozen=True, slots=True)
class Spend:
    """Paid traffic on a content. Brands pay their own; only what others paid moves money in our books."""

    spend_id: str
    content_id: str
    amount_minor: int
    currency: str
    paid_by: str


def script_fee_target(content: Content | None, *, accepted: bool) -> Position:
    """What the brand owes the KOC for the script once it is accepted."""
    if content is None or not accepted or not content.script_fee_minor:
        return {}
    if content.brand_id is None or content.currency is None:
        return {}
    fee = content.script_fee_minor
    return {
        chart.brand_accrued(content.brand_id): fee,
        chart.pending("koc", content.koc_id): -fee,
    }


def spend_target(spend: Spend, content: Content | None) -> Position:
    """Who bears paid traffic that we have prepaid: we ourselves, or the KOC, who then owes it back."""
    if content is None or not spend.amount_minor or spend.paid_by not in (PLATFORM_PAYS, KOC_PAYS):
        return {}
    bearer = chart.TRAFFIC_EXPENSE if spend.paid_by == PLATFORM_PAYS else chart.clawback(f"koc:{content.koc_id}")
    return {bearer: spend.amount_minor, chart.traffic_prepaid(content.platform): -spend.amount_minor}
