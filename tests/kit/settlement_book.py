"""A book with all that can happen: refunds, several buyers, script fee, spend, three currencies, a new price."""

from typing import Any

from tests.kit.book_driver import BookDriver
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, RELATION, SPEND
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit


def order(number: int, **changes: Any) -> Fact:
    """One of many different lines, each of its own order and buyer."""
    credit = FactCredit(content_id=f"v_{number % 5}", koc_id=f"k_{number % 7}")
    fact = Fact(
        order_id=f"o_{number}", buyer_id=f"b_{number}", credits=(credit,), goods_paid_minor=10_000 + 37 * number
    )
    return fact.but(**changes)


def fill(books: BookDriver) -> None:
    """45 lines in 5 partitions: 12 refunded, 2 order lines with a second buyer, 1 that no plan prices."""
    relation = RELATION | {"koc_id": "k_1"}
    books.register(ANY_CURRENCY, RELATION, relation, CONTENT, ACCEPTED, SPEND)
    facts = [order(number) for number in range(40)]
    facts += [order(50, currency="JPY"), order(51, currency="KWD"), order(52, brand_id="br_unknown")]
    for partition in range(3):
        books.assert_lines(*facts[partition::3], partition=partition)
    refunded = [fact.refunded(fact.goods_paid_minor // (1 + index % 3)) for index, fact in enumerate(facts[:12])]
    for partition in range(3):
        books.assert_lines(*refunded[partition::3], partition=partition)
    books.assert_lines(order(7, buyer_id="a_earlier", paid_at=PAID_AT - DAY), partition=5)
    books.assert_lines(order(8, buyer_id="z_later"), partition=6)
    books.register(ANY_CURRENCY | {"event_id": "r9", "version": 2, "rate_ppm": 300_000})
