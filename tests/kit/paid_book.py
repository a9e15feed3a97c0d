"""A book with two batches of payouts: parties with and without a payee, a minimum, a hold, money from two runs."""

from typing import Any

from tests.kit.book_driver import BookDriver
from tests.kit.payouts import propose
from tests.kit.runs import settle
from tests.kit.settled_book import FIRST, SECOND, fill_settled, received
from tests.kit.settlement_facts import DAY

_AT: dict[str, Any] = {"occurred_at": "2026-11-20T00:00:00Z"}
PAYEES = ("koc:k_0", "koc:k_1", "koc:k_2", "mcn:m_1", "koc:k_7", "recruiter:r_1")
MINIMUM: dict[str, Any] = _AT | {
    "event_id": "m1", "event_type": "house.set", "effective_from": "2026-11-05T00:00:00Z", "vat_ppm": {"CNY": 60_000},
    "reserve_ppm": 100_000, "reserve_days": 15, "payout_minimum_minor": {"CNY": 1_000}, "netting_share_ppm": 500_000,
}  # fmt: skip
THIRD = SECOND + 20 * DAY


def payee(owner: str, event_id: str, rail: str = "bank") -> dict[str, Any]:
    """A payee.set."""
    what = {"event_id": event_id, "event_type": "payee.set", "owner": owner, "rail": rail, "ref": f"ref_{owner}"}
    return _AT | what


def fill_paid(books: BookDriver) -> None:
    """Two runs, a batch, refunds of paid lines, new lines, a third run, refunds of unpaid lines, a second batch."""
    fill_settled(books)
    books.register(MINIMUM, *(payee(owner, f"p_{owner}") for owner in PAYEES))
    propose(books, SECOND + DAY, "p1")
    for number in (1, 3, 5):
        fact = received(number)
        books.assert_lines(fact.refunded(2_000, at=FIRST + 2 * DAY), partition=number % 3)
    new = [received(number, received_at=SECOND) for number in range(20, 29)]
    for partition in range(3):
        books.assert_lines(*new[partition::3], partition=partition)
    settle(books, THIRD, "run-3")
    for number in (22, 25):
        books.assert_lines(received(number, received_at=SECOND).refunded(3_000, at=THIRD), partition=(number - 20) % 3)
    propose(books, THIRD, "p2")
