"""Bodies of a bill and of our own statement, as a close leads to them; test_statements.py has their worked month."""

from typing import Any

_HEAD: dict[str, Any] = {
    "form": "koc-statement-1", "currency": "CNY", "period": "2026-11", "revision": 1, "zone_minutes": 480,
    "closed_at": "2026-12-03T02:00:00Z", "seal": "5e" * 32,
}  # fmt: skip
BRAND: dict[str, Any] = _HEAD | {
    "kind": "brand", "party": "brand:br_2",
    "accrued": {
        "opening": {"accrued_minor": 30_000},
        "movements": [
            {"kind": "commission.accrued", "accrued_minor": 4_000},
            {"kind": "commission.settled", "accrued_minor": -4_000},
            {"kind": "script_fee.settled", "accrued_minor": -30_000},
        ],
        "earlier": [], "closing": {"accrued_minor": 0},
    },
    "receivable": {
        "opening": {"receivable_minor": 0},
        "movements": [
            {"kind": "commission.settled", "receivable_minor": 4_000},
            {"kind": "commission.clawed_back", "receivable_minor": -1_000},
            {"kind": "script_fee.settled", "receivable_minor": 30_000},
            {"kind": "brand.paid", "receivable_minor": -1_000},
        ],
        "earlier": [], "closing": {"receivable_minor": 32_000},
    },
    "bill": [
        {"kind": "commission.settled", "content_id": "v_93", "koc_id": "k_7", "lines": 1, "amount_minor": 4_000},
        {"kind": "script_fee.settled", "content_id": "v_93", "koc_id": "k_7", "lines": 1, "amount_minor": 30_000},
    ],
    "credit_notes": [{"kind": "commission.clawed_back", "about": "o_1", "orders": 1, "amount_minor": -1_000}],
    "receipts": [{"command_id": "paid-1", "at": "2026-11-22T09:00:00Z", "amount_minor": 1_000}],
    "open": {
        "ages": [{"from_days": days, "amount_minor": 32_000 * (days == 0)} for days in (0, 30, 60, 90)],
        "prepaid_minor": 0,
    },
}  # fmt: skip
PLATFORM: dict[str, Any] = _HEAD | {
    "kind": "platform", "party": "platform",
    "result": {
        "fee_minor": 377, "vat_minor": 23, "traffic_minor": 0, "written_off_minor": 0, "payout_fee_minor": 0,
    },
    "accounts": [
        {
            "account": "platform:fee", "nature": "revenue", "opening": {"amount_minor": 0},
            "movements": [{"kind": "commission.settled", "amount_minor": -377}], "earlier": [],
            "closing": {"amount_minor": -377},
        },
        {
            "account": "vat:output", "nature": "liability", "opening": {"amount_minor": 0},
            "movements": [{"kind": "commission.settled", "amount_minor": -23}], "earlier": [],
            "closing": {"amount_minor": -23},
        },
    ],
}  # fmt: skip
