"""A book in which one buyer has lines in every state that names them, and all that may come for these lines later."""

from typing import Any

from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.runtime.database import engine
from services.settlement.books.snapshot import snapshot
from services.settlement.export.digest import digest
from services.settlement.verify.verify import verify
from tests.kit.book_driver import BookDriver
from tests.kit.decided_payouts import propose
from tests.kit.registry_events import CONTENT, RELATION
from tests.kit.runs import settle
from tests.kit.settled_book import BUDGET, FIRST, HELD_ORDER, HOUSE, SECOND, TIERED, received
from tests.kit.settlement_facts import DAY, PAID_AT, Fact

BUYER = "unmistakable_buyer_7F3q"
"""Whose link is cut."""
PENDING, BONUS, HELD, CONTESTED = 20, 21, 6, 22
"""Orders: not received yet; new customer, of a campaign with a budget; in an open hold; claimed by others too."""


def partition_of_buyer(buyer_id: str) -> int:
    """Where the buyer's records are."""
    return partition_of(buyer_id.encode(), CREDITS.partitions)


def assert_fact(books: BookDriver, *facts: Fact) -> None:
    """Each assertion in its buyer's partition."""
    for fact in facts:
        books.assert_lines(fact, partition=partition_of_buyer(fact.buyer_id))


def of_buyer(number: int, **changes: Any) -> Fact:
    """A line of the buyer."""
    return received(number, buyer_id=BUYER, **changes)


def bought(number: int) -> Fact:
    """One of the buyer's lines, as it came first."""
    if number == PENDING:
        return of_buyer(number, received_at=None, status="paid")
    return of_buyer(number, new_customer=number == BONUS)


RIVALS = ("a_rival", "z_rival")
"""Buyers who claim CONTESTED too: before BUYER, and after, at other times of payment."""


HELD_LATER: dict[str, Any] = HELD_ORDER | {"event_id": "h9", "hold_id": "h_9", "order_id": f"o_{BONUS}"}
PAYEE: dict[str, Any] = {
    "event_id": "p1", "event_type": "payee.set", "occurred_at": "2026-10-20T00:00:00Z", "owner": "koc:k_0",
    "rail": "bank", "ref": "tok_1",
}  # fmt: skip


def fill(books: BookDriver) -> None:
    """Lines of many buyers, and those of BUYER in every state, of which two orders have other claimants.

    A run settles what is due; one of the settled lines is then held, and a payout leaves it out.
    """
    relation = RELATION | {"koc_id": "k_1"}
    books.register(TIERED, RELATION, relation, HOUSE, BUDGET | {"amount_minor": 80_000}, CONTENT, HELD_ORDER)
    assert_fact(books, *(received(number) for number in range(6)))
    assert_fact(books, *map(bought, (PENDING, BONUS, HELD, CONTESTED)))
    early, late = PAID_AT - DAY, PAID_AT + DAY
    assert_fact(books, received(CONTESTED, buyer_id=RIVALS[0], paid_at=late))
    assert_fact(books, received(PENDING, buyer_id=RIVALS[1], paid_at=early))
    books.register(relation | {"event_id": "r2b", "effective_from": "2026-10-02T00:00:00Z"})
    settle(books, FIRST, "run-1")
    books.register(HELD_LATER, PAYEE)
    propose("p1", FIRST + DAY)


def live_on(books: BookDriver) -> None:
    """What comes for these lines afterwards, published of the buyer as before: receipt, refunds, and a second run."""
    assert_fact(books, of_buyer(PENDING, version=bought(PENDING).refunded(0).version))
    for number, share in ((BONUS, 2), (CONTESTED, 1), (HELD, 4)):
        fact = bought(number)
        assert_fact(books, fact, fact.refunded(fact.goods_paid_minor // share, at=FIRST + DAY))
    assert_fact(books, received(3, buyer_id="b_3").refunded(100, at=FIRST + DAY))
    settle(books, SECOND, "run-2")


def check_books() -> str:
    """The books verify; their digest."""
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []
    with snapshot(engine("reader")) as unchanging:
        return digest(unchanging.net_positions()).sha256
