"""Reference data for specimens.py: one valid event of every type, and what is wrong with several others."""

from typing import Any

from pydantic import BaseModel

from schemas.contents import ContentRegistered, ContentRemoved, ScriptFeeAccepted, SpendReported
from schemas.disputes import DisputeDecided, DisputeOpened, HoldPlaced, HoldReleased
from schemas.house import CampaignBudgetSet, HouseSet, KocLeft, PayeeSet
from schemas.plans import PlanPublished, RelationSet

Event = dict[str, Any]

REGISTRY_MODELS: dict[str, type[BaseModel]] = {
    "plan.published": PlanPublished,
    "relation.set": RelationSet,
    "content.registered": ContentRegistered,
    "script_fee.accepted": ScriptFeeAccepted,
    "spend.reported": SpendReported,
    "content.removed": ContentRemoved,
    "dispute.opened": DisputeOpened,
    "dispute.decided": DisputeDecided,
    "hold.placed": HoldPlaced,
    "hold.released": HoldReleased,
    "campaign.budget_set": CampaignBudgetSet,
    "koc.left": KocLeft,
    "payee.set": PayeeSet,
    "house.set": HouseSet,
}
"""event_type -> its model."""


def _registered(kind: str, number: int, at: str, /, **more: Any) -> Event:
    return {"event_id": f"r{number}", "event_type": kind, "occurred_at": at, **more}


REGISTRY_VALID: dict[str, Event] = {
    "plan.published": _registered(
        "plan.published",
        1,
        "2026-10-01T00:00:00Z",
        plan_id="pl_1",
        version=1,
        kind="open",
        brand_id="br_2",
        product_ids=None,
        category_ids=None,
        koc_ids=None,
        campaign_id=None,
        platforms=None,
        rate_ppm=200_000,
        paid_traffic_rate_ppm=None,
        tiers=[{"from_minor": 1_000_000, "rate_ppm": 220_000}, {"from_minor": 5_000_000, "rate_ppm": 250_000}],
        new_customer_bonus_minor=1_000,
        currency="CNY",
        base="goods_paid",
        splits=[
            {"role": "platform", "of": "commission", "share_ppm": 100_000},
            {"role": "mcn", "of": "koc", "share_ppm": 200_000},
            {"role": "recruiter", "of": "koc", "share_ppm": 125_000},
        ],
        return_window_days=7,
        zone_minutes=480,
        auto_receive_days=14,
        effective_from="2026-10-01T00:00:00Z",
        effective_to=None,
    ),
    "relation.set": _registered(
        "relation.set",
        2,
        "2026-10-01T00:00:00Z",
        koc_id="k_7",
        parties={"mcn": "m_1"},
        effective_from="2026-10-01T00:00:00Z",
        effective_to=None,
    ),
    "content.registered": _registered(
        "content.registered",
        3,
        "2026-10-20T00:00:00Z",
        content_id="v_93",
        koc_id="k_7",
        platform="douyin",
        brand_id="br_2",
        campaign_id="c_1111",
        content_family_id="fam_4",
        script_fee_minor=30_000,
        currency="CNY",
    ),
    "script_fee.accepted": _registered("script_fee.accepted", 4, "2026-10-25T00:00:00Z", content_id="v_93"),
    "spend.reported": _registered(
        "spend.reported",
        5,
        "2026-11-02T00:00:00Z",
        content_id="v_93",
        spend_id="sp_1",
        amount_minor=100_000,
        currency="CNY",
        paid_by="brand",
    ),
    "content.removed": _registered(
        "content.removed", 6, "2026-11-20T00:00:00Z", content_id="v_93", cancels_script_fee=True
    ),
    "dispute.opened": _registered(
        "dispute.opened", 7, "2026-11-06T00:00:00Z", dispute_id="d_1", order_id="o_1", line_id="1"
    ),
    "dispute.decided": _registered(
        "dispute.decided", 8, "2026-11-16T00:00:00Z", dispute_id="d_1", order_id="o_1", line_id="1", outcome="denied"
    ),
    "hold.placed": _registered(
        "hold.placed",
        9,
        "2026-11-06T00:00:00Z",
        hold_id="h_1",
        order_id="o_1",
        line_id="1",
        content_id=None,
        owner=None,
    ),
    "hold.released": _registered("hold.released", 10, "2026-11-16T00:00:00Z", hold_id="h_1"),
    "campaign.budget_set": _registered(
        "campaign.budget_set",
        11,
        "2026-10-20T00:00:00Z",
        campaign_id="c_1111",
        currency="CNY",
        amount_minor=12_000,
    ),
    "koc.left": _registered("koc.left", 12, "2026-12-01T00:00:00Z", koc_id="k_7", left_at="2026-11-30T16:00:00Z"),
    "payee.set": _registered("payee.set", 13, "2026-10-20T00:00:00Z", owner="koc:k_7", rail="bank", ref="4f9c2a17d0"),
    "house.set": _registered(
        "house.set",
        14,
        "2026-09-30T00:00:00Z",
        effective_from="2026-09-30T16:00:00Z",
        vat_ppm={"CNY": 60_000},
        netting_share_ppm=500_000,
        reserve_ppm=100_000,
        reserve_days=30,
        payout_minimum_minor={"CNY": 10_000, "JPY": 2_000},
        return_window_days=7,
    ),
}

ABSENT = object()
"""Stands for a field that is left out."""
REGISTRY_WRONG: dict[str, dict[str, tuple[str, Any]]] = {
    "plan.published": {
        "rate-over-one": ("rate_ppm", 1_000_001),
        "rate-a-fraction": ("rate_ppm", 0.2),
        "kind-unknown": ("kind", "secret"),
        "effective_from-missing": ("effective_from", ABSENT),
        "tier-without-a-rate": ("tiers.1.rate_ppm", ABSENT),
        "zone-of-no-place": ("zone_minutes", 900),
    },
    "relation.set": {"parties-a-list": ("parties", ["m_1"])},
    "content.registered": {"script_fee-negative": ("script_fee_minor", -1)},
    "script_fee.accepted": {"content_id-missing": ("content_id", ABSENT)},
    "spend.reported": {"paid_by-unknown": ("paid_by", "nobody"), "currency-gold": ("currency", "XAU")},
    "content.removed": {"cancels_script_fee-a-word": ("cancels_script_fee", "yes")},
    "dispute.opened": {"order_id-missing": ("order_id", ABSENT)},
    "dispute.decided": {"outcome-unknown": ("outcome", "settled"), "outcome-missing": ("outcome", ABSENT)},
    "hold.placed": {"owner-without-a-role": ("owner", "k_7"), "hold_id-missing": ("hold_id", ABSENT)},
    "hold.released": {"hold_id-missing": ("hold_id", ABSENT)},
    "campaign.budget_set": {"money-negative": ("amount_minor", -1), "currency-missing": ("currency", ABSENT)},
    "koc.left": {"left_at-missing": ("left_at", ABSENT)},
    "payee.set": {"owner-without-a-role": ("owner", "k_7"), "ref-a-name": ("ref", "Li Na, 6222 0202")},
    "house.set": {
        "vat-over-one": ("vat_ppm.CNY", 1_000_001),
        "vat-of-no-currency": ("vat_ppm", {"RMB": 60_000}),
        "reserve-for-years": ("reserve_days", 366),
        "effective_from-missing": ("effective_from", ABSENT),
    },
}
"""event_type -> what is wrong -> the path of a field, and the value that is wrong there."""
