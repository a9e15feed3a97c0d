"""Registry events that explain each other: the plan, relation and content of the documentation's worked example."""

from typing import Any

PLAN: dict[str, Any] = {
    "event_id": "r1", "event_type": "plan.published", "occurred_at": "2026-10-01T00:00:00Z", "plan_id": "pl_1",
    "version": 1, "kind": "open", "brand_id": "br_2", "rate_ppm": 200_000, "currency": "CNY", "base": "goods_paid",
    "splits": [
        {"role": "platform", "of": "commission", "share_ppm": 100_000},
        {"role": "mcn", "of": "koc", "share_ppm": 200_000},
        {"role": "recruiter", "of": "koc", "share_ppm": 125_000},
    ],
    "return_window_days": 7, "effective_from": "2026-10-01T00:00:00Z", "effective_to": None,
}  # fmt: skip
ANY_CURRENCY = PLAN | {"currency": None}
RELATION: dict[str, Any] = {
    "event_id": "r2", "event_type": "relation.set", "occurred_at": "2026-10-01T00:00:00Z", "koc_id": "k_7",
    "parties": {"mcn": "m_1", "recruiter": "r_1"}, "effective_from": "2026-10-01T00:00:00Z", "effective_to": None,
}  # fmt: skip
CONTENT: dict[str, Any] = {
    "event_id": "r3", "event_type": "content.registered", "occurred_at": "2026-10-20T00:00:00Z", "content_id": "v_93",
    "koc_id": "k_7", "platform": "douyin", "brand_id": "br_2", "script_fee_minor": 30_000, "currency": "CNY",
}  # fmt: skip
ACCEPTED: dict[str, Any] = {
    "event_id": "r4", "event_type": "script_fee.accepted", "occurred_at": "2026-10-25T00:00:00Z", "content_id": "v_93",
}  # fmt: skip
SPEND: dict[str, Any] = {
    "event_id": "r5", "event_type": "spend.reported", "occurred_at": "2026-11-02T00:00:00Z", "content_id": "v_93",
    "spend_id": "sp_1", "amount_minor": 7_500, "currency": "CNY", "paid_by": "koc",
}  # fmt: skip
DENIED: dict[str, Any] = {
    "event_id": "r6", "event_type": "dispute.decided", "occurred_at": "2026-11-20T00:00:00Z", "dispute_id": "di_1",
    "order_id": "o_1", "outcome": "denied",
}  # fmt: skip
