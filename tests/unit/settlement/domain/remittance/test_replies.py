"""What a reply's row does to a payout: the state machine as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.sentences import Sentence, recognize
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.remittance.replies import (
    FINDINGS as TEMPLATES,
)
from services.settlement.domain.remittance.replies import (
    AwaitedPayout,
    PayoutOutcome,
    ReplyMove,
    ReplyRow,
    judge_reply,
)

CONFIRMED, REJECTED, RETURNED = PayoutOutcome.CONFIRMED, PayoutOutcome.REJECTED, PayoutOutcome.RETURNED
STATUSES = ("instructed", "cancelled", "confirmed", "rejected", "returned")


def payout(status: str) -> AwaitedPayout:
    return AwaitedPayout("P", "koc:k_7", "CNY", 2520, "bank", status)


def row(outcome: PayoutOutcome, amount: int | None = 2520, currency: str | None = "CNY", fee: int = 0) -> ReplyRow:
    return ReplyRow("P", outcome, amount, currency, "ref", fee)


TABLE = {
    ("instructed", CONFIRMED): (Kind.PAYOUT_CONFIRMED, {"payout:bank:in_transit": 2520, "bank:main": -2520}),
    ("instructed", REJECTED): (Kind.PAYOUT_REJECTED, {"payout:bank:in_transit": 2520, "koc:k_7:held": -2520}),
    ("confirmed", RETURNED): (Kind.PAYOUT_RETURNED, {"bank:main": 2520, "koc:k_7:held": -2520}),
}
FINDINGS = {
    ("instructed", RETURNED): "no reply has confirmed it, so it cannot have come back",
    ("confirmed", CONFIRMED): "it was confirmed before",
    ("confirmed", REJECTED): "it was confirmed before, so it cannot be rejected: ask the bank",
    ("rejected", CONFIRMED): "it was rejected before, so it cannot be confirmed: ask the bank",
    ("rejected", REJECTED): "it was rejected before",
    ("rejected", RETURNED): "it was rejected before, so it cannot be returned: ask the bank",
    ("returned", CONFIRMED): "it was returned before, so it cannot be confirmed: ask the bank",
    ("returned", REJECTED): "it was returned before, so it cannot be rejected: ask the bank",
    ("returned", RETURNED): "it was returned before",
    ("cancelled", CONFIRMED): "it was cancelled before, so it cannot be confirmed: ask the bank",
    ("cancelled", REJECTED): "it was cancelled before, so it cannot be rejected: ask the bank",
    ("cancelled", RETURNED): "it was cancelled before, so it cannot be returned: ask the bank",
}


def assert_found_again(finding: str) -> None:
    """The finding is stored as a text, which is known as the sentence that it was."""
    again = recognize(str(finding), TEMPLATES)
    assert isinstance(again, Sentence)
    assert (again, again.template) == (finding, finding.template)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("outcome", PayoutOutcome)
def test_each_status_and_outcome_books_one_entry_or_is_a_finding(status: str, outcome: PayoutOutcome) -> None:
    judged = judge_reply(row(outcome), payout(status))
    if (status, outcome) in TABLE:
        assert judged == ReplyMove(*TABLE[status, outcome])
    else:
        assert isinstance(judged, str)
        assert judged.startswith(FINDINGS[status, outcome])
        assert_found_again(judged)


@pytest.mark.parametrize("change", [{"amount": 2519}, {"currency": "USD"}, {"amount": 2520, "currency": "JPY"}])
@pytest.mark.parametrize(("status", "outcome"), TABLE)
def test_another_amount_books_nothing(change: dict, status: str, outcome: PayoutOutcome) -> None:
    judged = judge_reply(row(outcome, **change), payout(status))
    assert isinstance(judged, str)
    assert judged.startswith("the reply is about ")
    assert_found_again(judged)


@pytest.mark.parametrize(("status", "outcome"), TABLE)
def test_a_row_without_amount_is_about_the_payouts(status: str, outcome: PayoutOutcome) -> None:
    assert judge_reply(row(outcome, None, None), payout(status)) == ReplyMove(*TABLE[status, outcome])


def test_an_unknown_id_books_nothing() -> None:
    assert judge_reply(row(CONFIRMED), None) == "no payout has this id"


def test_a_fee_goes_with_a_confirmation_alone() -> None:
    judged = judge_reply(row(CONFIRMED, fee=50), payout("instructed"))
    assert judged == ReplyMove(
        Kind.PAYOUT_CONFIRMED, {"payout:bank:in_transit": 2520, "bank:main": -2570, "platform:payout_fee": 50}
    )
    for status, outcome in (("instructed", REJECTED), ("confirmed", RETURNED)):
        judged = judge_reply(row(outcome, fee=50), payout(status))
        assert judged == (
            "a fee of 0.50 CNY comes with an outcome that takes none: reply without it, and book it by an adjustment"
        )
        assert_found_again(judged)


def test_a_fee_that_no_entry_can_hold_books_nothing_and_stops_no_other_row() -> None:
    judged = judge_reply(row(CONFIRMED, fee=10**12), payout("instructed"))
    assert judged == "with a fee of 10000000000.00 CNY the entry is over the journal's limit: ask the bank"
    assert_found_again(judged)


@given(
    st.lists(st.sampled_from(PayoutOutcome), max_size=8),
    st.integers(1, 10**12 - 10**6),
    st.integers(0, 10**6),
)
def test_whatever_comes_nothing_is_in_transit_twice_or_held_twice(outcomes: list, amount: int, fee: int) -> None:
    """Over any replies the entries add up to where the payout ended: in transit, paid or held."""
    paid = AwaitedPayout("P", "koc:k_7", "CNY", amount, "bank", "instructed")
    sums = {"payout:bank:in_transit": -amount}
    for outcome in outcomes:
        judged = judge_reply(row(outcome, amount, fee=fee if outcome is CONFIRMED else 0), paid)
        if isinstance(judged, ReplyMove):
            assert sum(judged.legs.values()) == 0
            for account, minor in judged.legs.items():
                sums[account] = sums.get(account, 0) + minor
            paid = paid._replace(status=outcome.value)
    fees = sums.get("platform:payout_fee", 0)
    ends = {
        "instructed": {"payout:bank:in_transit": -amount},
        "confirmed": {"bank:main": -amount - fees},
        "rejected": {"koc:k_7:held": -amount},
        "returned": {"bank:main": -fees, "koc:k_7:held": -amount},
    }
    rest = {account: minor for account, minor in sums.items() if minor and account != "platform:payout_fee"}
    assert rest == {account: minor for account, minor in ends[paid.status].items() if minor}
