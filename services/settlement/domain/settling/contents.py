"""Money that a content costs by itself: its script fee and paid traffic, as targets per content.

Each fact may come before or after the others; a target is a function of the facts that stand.
"""

from dataclasses import dataclass

from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.positions import Position, difference
from services.settlement.domain.settling.change_rows import OF_SCRIPT_FEE, change_rows
from services.settlement.domain.settling.place import change, owed_by, place
from services.settlement.domain.settling.shares import Shares

SCRIPT_FEE_POSITION = "script_fee"
BUDGET_POSITION = "budget"
SPEND_POSITION = "spend"
"""What a content is booked for; with the content's or the spend's id, the name of a position."""

OTHER_BRAND = "other_brand"
"""The step of the row that takes a fee back from the brand that bore it before."""

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


@dataclass(frozen=True, slots=True)
class FeeWorth:
    """What is owed for a content's script: to whom (the KOC alone), by which brand, in which currency."""

    owed: Shares
    brand_id: str
    currency: str


def script_fee_worth(content: Content | None, *, accepted: bool, cancelled: bool) -> FeeWorth | None:
    """What the brand owes the KOC for the script: its fee once it is accepted and as long as no removal cancels it.

    None: the content is unknown or has no fee.
    """
    if content is None or content.brand_id is None or content.currency is None:
        return None
    is_owed = accepted and not cancelled and content.script_fee_minor
    owed = {f"koc:{content.koc_id}": content.script_fee_minor} if is_owed else {}
    return FeeWorth(owed, content.brand_id, content.currency)


def book_script_fee(
    booked: Position, settled: Shares, owed: Shares, brand_id: str, draft: EntryDraft
) -> tuple[list[EntryDraft], Position]:
    """The rows from what is booked of a fee in one currency to f(settled, owed), and the position they lead to.

    A fee that another brand is to bear is first taken back from the old one.
    """
    before, old_brand = owed_by(booked, settled), brand_of(booked)
    rows = []
    if old_brand is not None and old_brand != brand_id:
        taken_back = draft._replace(step=OTHER_BRAND)
        rows += change_rows(taken_back, change(settled, before, {}, old_brand, 0), OF_SCRIPT_FEE)
        before = {}
    rows += change_rows(draft, change(settled, before, owed, brand_id, 0), OF_SCRIPT_FEE)
    return rows, place(settled, owed, brand_id, 0)


def settle_script_fee(booked: Position, settled: Shares, raised: Shares) -> tuple[Position, Position]:
    """What a run moves of a fee whose settled shares it raises, and the position that this leads to."""
    brand_id = brand_of(booked) or ""  # a fee that nobody owes any more names no brand
    position = place(raised, owed_by(booked, settled), brand_id, 0)
    return difference(position, booked), position


def brand_of(position: Position) -> str | None:
    """The brand that bears a position; None where none does."""
    return next((key.split(":", 1)[1].rpartition(":")[0] for key in position if key.startswith("brand:")), None)


def budget_target(campaign_id: str, amount_minor: int) -> Position:
    """What a campaign's budget books when it is set; runs move what is available to what is committed."""
    if not amount_minor:
        return {}
    return {chart.budget_available(campaign_id): amount_minor, chart.budget_limit(campaign_id): -amount_minor}


def spend_target(spend: Spend, content: Content | None) -> Position:
    """Who bears paid traffic that we have prepaid: we ourselves, or the KOC, who then owes it back."""
    if content is None or not spend.amount_minor or spend.paid_by not in (PLATFORM_PAYS, KOC_PAYS):
        return {}
    bearer = chart.TRAFFIC_EXPENSE if spend.paid_by == PLATFORM_PAYS else chart.clawback(f"koc:{content.koc_id}")
    return {bearer: spend.amount_minor, chart.traffic_prepaid(content.platform): -spend.amount_minor}
