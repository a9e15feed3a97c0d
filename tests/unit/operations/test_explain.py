"""Explanations, from books and an orders topic as they may be found."""

from typing import Any

import pytest

from services.kernel.time import DAY, format_rfc3339
from services.operations.explain.explain import OrderExplanation, explain
from services.operations.explain.explanation_json import not_explained_json, order_json
from services.operations.explain.explanation_text import order_text
from services.operations.explain.inquiry import Inquiry, Rulebook
from services.operations.explain.sources import (
    BookedOrder,
    EventRefusal,
    NotExplained,
    OrderLogRecord,
    PublishedOrder,
)
from services.operations.explain.why_not import why_not
from services.operations.explain.why_not_forms import why_not_text
from services.settlement.books.decode_credits import decode_credit
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from tests.kit.order_events import home, paid, record, refunded
from tests.kit.settlement_facts import PAID_AT, Fact, plan, reference, usual

RULES = Rulebook(1, {"last_click": "last_click"}, 15 * DAY)
NO_BOOKS = BookedOrder([], [], Reference())
TOO_LATE = EventRefusal("too_late", "occurred at …, accepted from … on")


def line_of(fact: Fact, *, standing: bool = True) -> Line:
    key = (fact.order_id, fact.line_id, fact.buyer_id)
    return Line(key, home(fact.buyer_id), fact.paid_at, fact.currency, fact.brand_id, standing=standing)


def books(*facts: Fact, reference_data: Reference | None = None) -> BookedOrder:
    """Books in which the first fact's line stands; nothing is booked of any."""
    lines = [(line_of(fact, standing=fact is facts[0]), decode_credit(fact.wire())) for fact in facts]
    return BookedOrder(lines, [], reference_data or usual())


class Library:
    """Books as they are at each look (the last stays), and an orders topic, or a Kafka that is away."""

    def __init__(self, *booked: BookedOrder, published: PublishedOrder | ConnectionError) -> None:
        self._booked, self._published = list(booked), published

    def booked(self, order_id: str) -> BookedOrder:
        assert order_id == "o_1"
        return self._booked.pop(0) if len(self._booked) > 1 else self._booked[0]

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        del order_id, booked
        if isinstance(self._published, ConnectionError):
            raise self._published
        return self._published


class NoTouches:
    """A clicks log without any touch."""

    def traces(self, buyer_id: str, inquiry: Inquiry, since: int) -> list[Any]:
        del buyer_id, inquiry, since
        return []


def published(*records: OrderLogRecord, on_its_way: bool = False) -> PublishedOrder:
    return PublishedOrder(list(records), on_its_way)


def explained(*facts: Fact, reference_data: Reference | None = None) -> OrderExplanation:
    return explain("o_1", Library(books(*facts, reference_data=reference_data), published=published()))


def not_explained(*records: OrderLogRecord, on_its_way: bool = False) -> NotExplained:
    with pytest.raises(NotExplained) as answer:
        explain("o_1", Library(NO_BOOKS, published=published(*records, on_its_way=on_its_way)))
    return answer.value


def test_f03_a_refused_payment_is_named_with_its_reason_and_where_it_lies() -> None:
    answer = not_explained(record(paid(), 7, TOO_LATE))
    place = f"commerce.orders.v1/{home('b_1')}/7"
    assert str(answer) == (
        f"order o_1 is not in the books: its order.paid at {place} was refused as too_late: older than the log's "
        f"watermark allows (occurred at …, accepted from … on); `koc dlq show {place}` shows it"
    )
    (refused,) = not_explained_json("o_1", answer)["refused"]
    assert (refused["topic"], refused["partition"], refused["offset"]) == ("commerce.orders.v1", home("b_1"), 7)
    assert (refused["event_id"], refused["reason"]) == ("o_1_paid", "too_late")


def test_f03_why_not_me_names_the_refused_payment_too() -> None:
    library = Library(NO_BOOKS, published=published(record(paid(), 7, TOO_LATE)))
    with pytest.raises(NotExplained, match=r"its order\.paid at .* was refused as too_late"):
        why_not("o_1", Inquiry(None, "k_9"), library, NoTouches(), RULES)


def test_a_refused_payment_that_was_published_again_is_on_its_way_and_then_unattributed() -> None:
    both = record(paid(), 7, TOO_LATE), record(paid(), 9)
    assert "still on its way" in str(not_explained(*both, on_its_way=True))
    assert "has neither a touch" in str(not_explained(*both))


def test_an_order_whose_refund_alone_was_refused_names_the_missing_payment_and_the_refusal() -> None:
    answer = str(not_explained(record(refunded("r", "rf_1", 5), 3, EventRefusal("unknown_order", "…"))))
    assert answer.startswith("order o_1 has no order.paid among its published events")
    assert "its order.refunded at commerce.orders.v1/" in answer


def test_an_order_in_another_partition_than_its_buyers_is_on_its_way_and_never_unattributed() -> None:
    astray = record(paid(), 3, partition=(home("b_1") + 1) % 12)
    assert "still on its way" in str(not_explained(astray, on_its_way=True))
    assert "has no order.paid" in str(not_explained(astray))


def test_an_order_that_arrives_while_the_topic_is_read_is_explained() -> None:
    found = explain("o_1", Library(NO_BOOKS, books(Fact()), published=published(record(paid()))))
    assert [one.told.order_id for one in found.lines] == ["o_1"]


def test_f11_a_line_that_another_buyer_owns_is_worth_nothing_and_names_the_owner() -> None:
    explanation = explained(Fact(buyer_id="b_7"), Fact(buyer_id="b_12", paid_at=PAID_AT + 1))
    owner, other = order_json(explanation)["lines"]
    assert owner["credits"][0]["commission_minor"] == 4_000
    assert (other["credits"][0]["base_minor"], other["credits"][0]["commission_minor"]) == (0, 0)
    assert {keep["amount_minor"] for keep in other["credits"][0]["keeps"]} == {0}
    assert other["remarks"] == ["the order line belongs to buyer b_7: this line is worth 0.00 CNY"]
    text = "\n".join(order_text(explanation)).partition("buyer b_12")[2]
    assert "earns 0.00 CNY: the order line belongs to buyer b_7" in text
    assert "40.00 CNY" not in text


def test_f11_why_not_me_says_that_a_credited_line_of_another_buyer_earns_nothing() -> None:
    library = Library(books(Fact(buyer_id="b_7"), Fact(buyer_id="b_12")), published=published())
    answered = why_not("o_1", Inquiry(None, "k_7"), library, NoTouches(), RULES)
    assert answered.answers[1].why.endswith("and earns nothing: the order line belongs to buyer b_7")
    text = "\n".join(why_not_text(answered)).partition("buyer b_12")[2]
    assert "has 100 % to k_7, content v_93: 0.00 CNY, because the order line belongs to buyer b_7" in text
    assert "40.00 CNY" not in text


def test_f12_of_touches_at_one_instant_the_loser_hears_of_the_greater_id() -> None:
    touch = {"content_id": "v_1", "koc_id": "k_1", "touched_at": format_rfc3339(PAID_AT - DAY)}
    considered = (
        {"touch_id": "t_a", "verdict": "not_last"} | touch,
        {"touch_id": "t_b", "verdict": "credited"} | touch,
    )
    text = "\n".join(order_text(explained(Fact(considered=considered))))
    assert "another came later, or at the same moment with the greater id" in text


def test_f15_a_base_of_nothing_paid_says_so_whatever_discount_the_platform_gave() -> None:
    generous = reference(plan(base="before_platform_discount"))
    free = Fact(goods_paid_minor=0, platform_discount_minor=19_900)
    text = "\n".join(order_text(explained(free, reference_data=generous)))
    assert "earns 0.00 CNY: nothing was paid for the goods, so no base remains" in text


def test_f01_a_line_that_is_set_aside_says_why_and_earns_nothing() -> None:
    generous = reference(plan(base="before_platform_discount", rate_ppm=1_000_000))
    huge = Fact(goods_paid_minor=600_000_000_000, platform_discount_minor=600_000_000_000)
    explanation = explained(huge, reference_data=generous)
    (line,) = order_json(explanation)["lines"]
    reason = "1200000000000 on brand:br_2:accrued is over the journal's limit of 1000000000000"
    assert line["nothing_because"] == f"the line is set aside, because {reason}"
    assert (line["target"], line["credits"][0]["commission_minor"]) == ([], 0)
    assert f"earns 0.00 CNY: the line is set aside, because {reason}" in "\n".join(order_text(explanation))


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (Fact(refunded_minor=20_000), "all that was paid for the goods is refunded, so no base remains"),
        (Fact(status="cancelled"), "the line is cancelled"),
    ],
)
def test_a_line_that_is_worth_nothing_says_why(fact: Fact, sentence: str) -> None:
    (line,) = explained(fact).lines
    assert line.nothing_because == sentence
    assert line.remarks[0] == f"{sentence}: this line is worth 0.00 CNY"


def test_refunds_that_the_topic_no_longer_holds_are_admitted() -> None:
    (line,) = explained(Fact(refunded_minor=5_000)).lines
    assert line.remarks[-1].startswith("the refunds listed here add up to 0.00 CNY, the books count 50.00 CNY")


def test_refused_events_of_a_booked_order_are_listed_with_reason_and_position() -> None:
    refusal = EventRefusal("unknown_line", "order o_1 has no line 9")
    library = Library(books(Fact()), published=published(record(refunded("r9", "rf_1", 5), 8, refusal)))
    text = "\n".join(order_text(explain("o_1", library)))
    assert (
        f"  order.refunded r9 at commerce.orders.v1/{home('b_1')}/8: unknown_line: it names a line that its order does "
        "not have (order o_1 has no line 9)"
    ) in text


def test_a_booked_order_is_explained_without_kafka_and_says_what_is_missing() -> None:
    explanation = explain("o_1", Library(books(Fact()), published=ConnectionError("no Kafka broker answers at x")))
    assert explanation.lines[0].refunds is None
    assert explanation.remarks == [
        "the orders topic cannot be read, so refunds and refused events are not listed: no Kafka broker answers at x"
    ]


def test_a_booked_order_of_which_an_event_is_on_its_way_says_so() -> None:
    explanation = explain("o_1", Library(books(Fact()), published=published(on_its_way=True)))
    assert explanation.remarks == ["an event of the order is still on its way to the books: `koc drain` waits for it"]
