"""What became of an order line: one sentence a rule."""

from itertools import permutations

import pytest

from services.attribution.domain import facts
from services.attribution.domain.fold import MAX_STEPS, fold_line, in_fold_order
from services.kernel.time import HOUR
from tests.kit.attribution_words import NOW, fact, line, order_of


def state_of(*events, of=None):
    return fold_line(order_of(), of or line(), in_fold_order(events))


def refund(event_id="e1", minor=100, refund_id="rf_1", at=NOW + HOUR, line_id="1"):
    return fact(facts.REFUNDED, event_id, at, refund_id=refund_id, refunds=((line_id, minor, 0),))


def reversal(event_id="r1", refund_id="rf_1", at=NOW + 2 * HOUR):
    return fact(facts.REFUND_REVERSED, event_id, at, ("1",), refund_id)


def test_an_order_begins_paid():
    state = state_of()
    assert (state.status, state.refunded_minor, state.received_at) == ("paid", 0, None)
    assert [(step.event_id, step.at) for step in state.steps] == [("paid", NOW)]


def test_a_receipt_of_other_lines_changes_nothing():
    assert state_of(fact(facts.RECEIVED, line_ids=("2",))).status == "paid"


def test_the_earliest_receipt_counts():
    state = state_of(fact(facts.RECEIVED, "a", NOW + 9), fact(facts.RECEIVED, "b", NOW + 5))
    assert (state.status, state.received_at) == ("received", NOW + 5)


def test_completion_implies_receipt():
    state = state_of(fact(facts.COMPLETED, at=NOW + 7))
    assert (state.status, state.received_at, state.completed_at) == ("completed", NOW + 7, NOW + 7)


def test_cancellation_absorbs_whatever_comes_later():
    state = state_of(fact(facts.CANCELLED, "c", NOW + 1), fact(facts.COMPLETED, "d", NOW + 2), refund(at=NOW + 3))
    assert (state.status, state.refunded_minor) == ("cancelled", 100)
    assert [step.cancelled for step in state.steps] == [False, True, True]


def test_a_cancellation_of_named_lines_leaves_the_others():
    cancelled = fact(facts.CANCELLED, line_ids=("2",))
    assert state_of(cancelled).status == "paid"
    assert state_of(cancelled, of=line("2")).status == "cancelled"


def test_different_refunds_add_up_and_one_refund_counts_once():
    assert state_of(refund("a", 100, "x"), refund("b", 50, "y")).refunded_minor == 150
    assert state_of(refund("a", 100, "x"), refund("b", 70, "x", NOW + 2 * HOUR)).refunded_minor == 100


def test_the_first_event_of_a_refund_in_fold_order_counts():
    assert state_of(refund("z", 70, at=NOW + 1), refund("a", 100, at=NOW + 2)).refunded_minor == 70
    assert state_of(refund("z", 70), refund("a", 100)).refunded_minor == 100


def test_refunds_never_exceed_what_was_paid():
    assert state_of(refund("a", 900, "x"), refund("b", 900, "y")).refunded_minor == 1000


def test_a_reversal_takes_a_refund_back_for_good():
    state = state_of(refund("a"), reversal(), refund("again", at=NOW + 3 * HOUR))
    assert state.refunded_minor == 0
    assert [step.refunded_minor for step in state.steps] == [0, 100, 0]
    assert state_of(reversal(at=NOW + 1), refund("a")).refunded_minor == 0


def test_a_refund_dated_before_the_payment_counts_from_the_payment_on():
    state = state_of(refund(at=NOW - HOUR))
    assert [(step.at, step.refunded_minor) for step in state.steps] == [(NOW, 0), (NOW, 100)]


def test_events_that_change_no_amount_make_no_step():
    assert len(state_of(fact(facts.RECEIVED), fact(facts.COMPLETED, "d"), refund(minor=0)).steps) == 1


def test_the_last_of_too_many_steps_takes_up_the_rest():
    state = state_of(*(refund(f"e{i:03}", 1, f"rf_{i}", NOW + i) for i in range(1, MAX_STEPS + 20)))
    assert len(state.steps) == MAX_STEPS
    assert state.steps[-1].refunded_minor == state.refunded_minor == MAX_STEPS + 19
    assert state.steps[-1].event_id == f"e{MAX_STEPS - 1:03}"


SET = [
    refund("a", 300, "x"),
    refund("b", 200, "x"),
    reversal("c", "x"),
    fact(facts.CANCELLED, "d", NOW + 5),
    fact(facts.RECEIVED, "e", NOW + 4),
]


@pytest.mark.parametrize("events", list(permutations(SET)))
def test_the_order_of_arrival_does_not_matter(events):
    assert state_of(*events) == state_of(*SET)
