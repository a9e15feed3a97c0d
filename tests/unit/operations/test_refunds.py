"""Which refunds of a line count: each event's own sentence, and the same sum as attribution's fold."""

from random import Random
from typing import Any

import pytest

from services.attribution.domain.buyer import Order
from services.attribution.domain.fold import fold_line, in_fold_order
from services.attribution.events.read import read_orders
from services.operations.explain.refunds import COUNTS, RefundExplanation, explain_refunds
from services.operations.explain.sources import EventRefusal, OrderLogRecord
from services.settlement.books.decode_credits import decode_credit
from tests.kit.order_events import as_source, home, paid, record, refund_reversed, refunded
from tests.kit.settlement_facts import Fact, FactVersion


def explained(*records: OrderLogRecord, known: int = 100) -> list[RefundExplanation]:
    """The refunds of the usual line, of which the books know the events below offset `known`."""
    return explain_refunds(decode_credit(Fact(version=FactVersion(order=known)).wire()), records)


def test_f06_a_refund_id_that_comes_again_with_another_amount_has_no_effect_and_says_how_to_correct_it() -> None:
    created = refunded("created", "rf_1", 2_000, "2026-11-02T10:00:00Z")
    updated = refunded("updated", "rf_1", 2_500, "2026-11-02T10:05:00Z")
    first, second = explained(record(updated, 1), record(created, 2))
    assert (first.refund.event_id, first.counted_minor, first.why) == ("created", 2_000, COUNTS)
    assert (second.refund.refund_minor, second.counted_minor) == (2_500, 0)
    assert second.why == (
        "no effect: refund rf_1 counts once for a line, and created of 2026-11-02T10:00:00Z over 20.00 CNY comes "
        "first; to correct an amount, reverse the refund and publish it under a new refund_id"
    )


def test_a_reversed_refund_names_what_reversed_it_even_where_that_came_first() -> None:
    (one,) = explained(
        record(refund_reversed("back", "rf_1", "2026-11-01T10:00:00Z"), 1), record(refunded("r", "rf_1", 500), 2)
    )
    assert (one.counted_minor, one.why) == (0, "no effect: back of 2026-11-01T10:00:00Z reversed it")


def test_refunds_count_up_to_what_was_paid_for_the_goods() -> None:
    amounts = (15_000, 8_000, 100)
    all_three = explained(*(record(refunded(f"r{n}", f"rf_{n}", amount), n) for n, amount in enumerate(amounts)))
    assert [one.counted_minor for one in all_three] == [15_000, 5_000, 0]
    assert all_three[1].why.startswith("only 50.00 CNY of it counts: no more than was paid")
    assert all_three[2].why.startswith("no effect: no more than was paid")


def test_a_refund_that_the_books_have_not_read_is_on_its_way() -> None:
    (one,) = explained(record(refunded("r", "rf_1", 500), 7), known=7)
    assert (one.counted_minor, one.why.partition(":")[0]) == (0, "no effect yet")


@pytest.mark.parametrize(
    "ineffective",
    [
        record(refunded("r", "rf_1", 500), 1, EventRefusal("unknown_line", "…")),
        record(refunded("r", "rf_1", 500), 1, partition=(home("b_1") + 1) % 12),
        record(refunded("r", "rf_1", 500, buyer_id="b_2"), 1),
        record(refunded("r", "rf_1", 500, lines=[{"line_id": "2", "refund_minor": 5}]), 1),
    ],
    ids=["refused", "astray", "of another buyer", "of another line"],
)
def test_what_is_no_refund_of_the_line_is_not_listed(ineffective: OrderLogRecord) -> None:
    assert explained(ineffective) == []


def test_a_repeated_event_is_listed_once() -> None:
    event = refunded("r", "rf_1", 500)
    assert [one.counted_minor for one in explained(record(event, 1), record(event, 5), known=3)] == [500]


@pytest.mark.parametrize("seed", range(40))
def test_what_counts_adds_up_to_what_attribution_folds(seed: int) -> None:
    chance = Random(seed)
    events = [chance_event(chance, number) for number in range(chance.randrange(1, 12))]
    sources = [as_source(event, offset) for offset, event in enumerate([paid(), *events])]
    payment, *facts = [one.event for one in read_orders(sources, ["b_1"], home("b_1")).records]
    folded = fold_line(Order(payment, {}, 0, []), payment.lines[0], in_fold_order(facts))
    explanations = explained(*(record(event, offset) for offset, event in enumerate(events)))
    assert sum(one.counted_minor for one in explanations) == folded.refunded_minor


def chance_event(chance: Random, number: int) -> dict[str, Any]:
    at = f"2026-11-0{chance.randrange(1, 9)}T10:00:00Z"
    refund_id = f"rf_{chance.randrange(4)}"
    if chance.random() < 0.2:
        return refund_reversed(f"e{number}", refund_id, at)
    return refunded(f"e{number}", refund_id, chance.randrange(9_000), at)
