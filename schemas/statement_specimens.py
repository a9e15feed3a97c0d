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
        "clawbacks": [{"kind": "commission.clawed_back", "about": "o_1", "amount_minor": 630}],
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
    "sha256": "7f49ebd940863a78b9a8b9469009129518bf0971cb8e494d1b99a67fdc20a7da",
    "root": "0c1cbd12700028b982bbd6229b2510397f60feeff95614c924c593e4f810b6f8",
    "path": ["00" + "1a" * 32, "01" + "2b" * 32],
}
