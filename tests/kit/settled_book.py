"""A book with two runs and all that they decide: tiers, a bonus, a budget, holds, disputes, a reserve, a clawback."""

from typing import Any

from tests.kit.book_driver import BookDriver
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION, SPEND
from tests.kit.runs import settle
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit

FIRST, SECOND = PAID_AT + 20 * DAY, PAID_AT + 40 * DAY
"""The moments of the two runs."""
_AT = {"occurred_at": "2026-10-20T00:00:00Z"}
TIERED: dict[str, Any] = PLAN | {
    "tiers": [{"from_minor": 50_000, "rate_ppm": 300_000}], "new_customer_bonus_minor": 500,
}  # fmt: skip
HOUSE: dict[str, Any] = _AT | {
    "event_id": "s1", "event_type": "house.set", "effective_from": "2026-09-30T16:00:00Z", "vat_ppm": {"CNY": 60_000},
    "reserve_ppm": 100_000, "reserve_days": 15,
}  # fmt: skip
BUDGET: dict[str, Any] = _AT | {
    "event_id": "s2", "event_type": "campaign.budget_set", "campaign_id": "c_1", "currency": "CNY",
    "amount_minor": 8_000,
}  # fmt: skip
DISPUTE: dict[str, Any] = _AT | {
    "event_id": "s3", "event_type": "dispute.opened", "dispute_id": "d_1", "order_id": "o_5",
}  # fmt: skip
HELD_ORDER: dict[str, Any] = _AT | {
    "event_id": "s4", "event_type": "hold.placed", "hold_id": "h_1", "order_id": "o_6", "line_id": "1",
}  # fmt: skip
HELD_CONTENT: dict[str, Any] = _AT | {
    "event_id": "s5", "event_type": "hold.placed", "hold_id": "h_2", "content_id": "v_1",
}  # fmt: skip
DENIED: dict[str, Any] = {
    "event_id": "s6", "event_type": "dispute.decided", "occurred_at": "2026-11-25T00:00:00Z", "dispute_id": "d_2",
    "order_id": "o_3", "outcome": "denied",
}  # fmt: skip
RELEASED: dict[str, Any] = _AT | {"event_id": "s7", "event_type": "hold.released", "hold_id": "h_1"}
HELD_OWNER: dict[str, Any] = _AT | {
    "event_id": "s8", "event_type": "hold.placed", "hold_id": "h_3", "owner": "koc:k_2",
}  # fmt: skip


def received(number: int, **changes: Any) -> Fact:
    """One of many lines of 100.00 and more, received the day after; every third is of campaign c_1."""
    credit = FactCredit(
        content_id=f"v_{number % 4}", koc_id=f"k_{number % 3}", campaign_id=None if number % 3 else "c_1"
    )
    fact = Fact(
        order_id=f"o_{number}", buyer_id=f"b_{number}", credits=(credit,), goods_paid_minor=10_000 + 370 * number,
        paid_at=PAID_AT + number, received_at=PAID_AT + DAY, status="received", new_customer=number in (2, 9),
    )  # fmt: skip
    return fact.but(**changes)


def fill_before(books: BookDriver) -> None:
    """14 lines and a script fee, nothing settled: 12 are due on the first run's day, 3 of these are kept back."""
    relation = RELATION | {"koc_id": "k_1"}
    books.register(TIERED, RELATION, relation, HOUSE, BUDGET, CONTENT, ACCEPTED, SPEND, DISPUTE, HELD_ORDER)
    facts = [received(number) for number in range(12)]
    facts += [received(12, received_at=PAID_AT + 25 * DAY), received(13, received_at=None, status="paid")]
    for partition in range(3):
        books.assert_lines(*facts[partition::3], partition=partition)


def fill_settled(books: BookDriver) -> None:
    """All that, a first run, refunds and a lost dispute of settled lines, and a second run."""
    fill_before(books)
    settle(books, FIRST, "run-1")
    for number in (0, 4, 8):
        fact = received(number)
        refund = fact.refunded(fact.goods_paid_minor // (1 + number // 4), at=FIRST + DAY)
        books.assert_lines(refund, partition=number % 3)
    books.register(DENIED, RELEASED, HELD_OWNER, HELD_CONTENT)
    settle(books, SECOND, "run-2")
