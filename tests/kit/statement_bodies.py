"""Bodies of statements of the worked month (worked_statement.py): a KOC's, a brand's bill, and our own."""

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


def _balance(payable: int, held: int, owed_back: int) -> dict[str, int]:
    return {
        "payable_minor": payable, "held_minor": held, "owed_back_minor": owed_back,
        "balance_minor": payable + held - owed_back,
    }  # fmt: skip


KOC: dict[str, Any] = _HEAD | {
    "kind": "party", "party": "koc:k_7",
    "pending": {
        "opening": {"pending_minor": 30_000},
        "movements": [
            {"kind": "commission.accrued", "pending_minor": 2_520},
            {"kind": "commission.settled", "pending_minor": -2_520},
            {"kind": "script_fee.settled", "pending_minor": -30_000},
        ],
        "earlier": [], "closing": {"pending_minor": 0},
    },
    "balance": {
        "opening": _balance(0, 0, 0),
        "movements": [
            {"kind": "spend.consumed", **_balance(0, 0, 7_500)},
            {"kind": "commission.settled", **_balance(2_520, 0, 0)},
            {"kind": "commission.clawed_back", **_balance(0, 0, 630)},
            {"kind": "script_fee.settled", **_balance(30_000, 0, 0)},
            {"kind": "clawback.netted", **_balance(-7_500, 0, -7_500)},
            {"kind": "payout.instructed", **_balance(-24_390, 0, 0)},
        ],
        "earlier": [], "closing": _balance(630, 0, 630),
    },
    "settled": [
        {"kind": "commission.settled", "content_id": "v_93", "koc_id": "k_7", "lines": 1, "amount_minor": 2_520},
        {"kind": "script_fee.settled", "content_id": "v_93", "koc_id": "k_7", "lines": 1, "amount_minor": 30_000},
    ],
    "clawbacks": [
        {"kind": "spend.consumed", "about": "sp_1", "orders": 1, "amount_minor": 7_500},
        {"kind": "commission.clawed_back", "about": "o_1", "orders": 1, "amount_minor": 630},
    ],
    "payouts": [{
        "payout_id": "MFRGGZDFMZTWQ2LKNNWG23TPOA", "rail": "bank", "amount_minor": 24_390, "withheld_minor": 0,
        "state": "confirmed", "instructed_at": "2026-11-23T09:00:00Z", "state_at": "2026-12-02T03:00:00Z",
    }],
}  # fmt: skip
