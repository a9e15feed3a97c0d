"""An example of a statement: one order of 200.00 is settled, a quarter of it refunded, and the rest paid out."""

from typing import Any

STATEMENT: dict[str, Any] = {
    "seq": 41,
    "period": "2026-11",
    "revision": 1,
    "party": "koc:k_7",
    "currency": "CNY",
    "statement": {
        "form": "koc-statement-1",
        "kind": "party",
        "party": "koc:k_7",
        "currency": "CNY",
        "period": "2026-11",
        "revision": 1,
        "zone_minutes": 480,
        "closed_at": "2026-12-03T02:00:00Z",
        "seal": "5e" * 32,
        "pending": {
            "opening": {"pending_minor": 0},
            "movements": [
                {"kind": "commission.accrued", "pending_minor": 2520},
                {"kind": "commission.settled", "pending_minor": -2520},
            ],
            "earlier": [{"month": "2026-10", "kind": "commission.accrued", "pending_minor": 630}],
            "closing": {"pending_minor": 630},
        },
        "balance": {
            "opening": {"payable_minor": 0, "held_minor": 0, "owed_back_minor": 0, "balance_minor": 0},
            "movements": [
                {
                    "kind": "commission.settled",
                    "payable_minor": 2520,
                    "held_minor": 0,
                    "owed_back_minor": 0,
                    "balance_minor": 2520,
                },
                {
                    "kind": "commission.clawed_back",
                    "payable_minor": 0,
                    "held_minor": 0,
                    "owed_back_minor": 630,
                    "balance_minor": -630,
                },
                {
                    "kind": "clawback.netted",
                    "payable_minor": -630,
                    "held_minor": 0,
                    "owed_back_minor": -630,
                    "balance_minor": 0,
                },
                {
                    "kind": "payout.instructed",
                    "payable_minor": -1890,
                    "held_minor": 0,
                    "owed_back_minor": 0,
                    "balance_minor": -1890,
                },
            ],
            "earlier": [],
            "closing": {"payable_minor": 0, "held_minor": 0, "owed_back_minor": 0, "balance_minor": 0},
        },
        "settled": [
            {"kind": "commission.settled", "content_id": "v_93", "koc_id": "k_7", "lines": 1, "amount_minor": 2520}
        ],
        "clawbacks": [{"kind": "commission.clawed_back", "about": "o_1", "orders": 1, "amount_minor": 630}],
        "payouts": [
            {
                "payout_id": "MFRGGZDFMZTWQ2LKNNWG23TPOA",
                "rail": "bank",
                "amount_minor": 1890,
                "withheld_minor": 0,
                "state": "confirmed",
                "instructed_at": "2026-11-25T02:00:00Z",
                "state_at": "2026-11-26T06:30:00Z",
            }
        ],
    },
    "sha256": "b41b76562bf0c9be51cac9e7a38c08b17118b67bb6dff42302dc15697aee09a4",
    "root": "9b136ccb73ee2ae8d4852063a832ba5ec67a3e5b6beefc384b875241d0699c65",
    "path": ["00" + "1a" * 32, "01" + "2b" * 32],
}
