"""What runs do on every settlement book, in memory and in PostgreSQL. Tests that import all of this say on which, by a
fixture `book`.
"""

from typing import Any

from services.settlement.books.run_records_port import PartyLeg
from services.settlement.domain.book.chart import is_of_a_party
from services.settlement.domain.settling.netting import NetResult
from tests.kit.book_driver import BookDriver
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION
from tests.kit.runs import settle
from tests.kit.settled_book import FIRST, SECOND, fill_settled, received
from tests.kit.settlement_facts import DAY, FactCredit, FactVersion

_AT: dict[str, Any] = {"occurred_at": "2026-11-20T00:00:00Z"}


def balances(book: BookDriver) -> dict[str, int]:
    """All that are not zero."""
    with book.store.snapshot() as books:
        return {balance.account: balance.amount_minor for _, balance in books.balances() if balance.amount_minor}


def test_a_hold_of_an_owner_takes_what_is_payable_though_nothing_else_is_due(book: BookDriver) -> None:
    book.register(PLAN)
    book.assert_lines(received(1))
    settle(book, FIRST, "run-1")
    assert balances(book)["koc:k_1:payable"] == -1_867
    book.register(_AT | {"event_id": "h1", "event_type": "hold.placed", "hold_id": "h_1", "owner": "koc:k_1"})
    settle(book, SECOND, "run-2")
    assert "koc:k_1:payable" not in balances(book)
    assert balances(book)["koc:k_1:held"] == -1_867
    book.register(_AT | {"event_id": "h2", "event_type": "hold.released", "hold_id": "h_1"})
    settle(book, SECOND + DAY, "run-3")
    assert balances(book)["koc:k_1:payable"] == -1_867


def test_a_script_fee_that_is_claimed_back_is_netted_whole_whatever_the_share(book: BookDriver) -> None:
    house = {"effective_from": "2026-09-30T16:00:00Z", "netting_share_ppm": 100_000}
    book.register(CONTENT, ACCEPTED, _AT | house | {"event_id": "s1", "event_type": "house.set"})
    settle(book, FIRST, "run-1")
    assert balances(book)["koc:k_7:payable"] == -30_000
    book.register(_AT | {"event_id": "s2", "event_type": "content.removed", "content_id": "v_93"})
    settle(book, SECOND, "run-2")
    assert balances(book) == {}


def test_a_budget_of_nothing_shows_what_a_bonus_takes_of_it_later(book: BookDriver) -> None:
    """The bonus goes with the greatest credit: where credits move, to one that the budget cut to nothing."""
    other = FactCredit(content_id="v_2", koc_id="k_2", campaign_id=None, weight_ppm=600_000)
    of_budget = FactCredit(content_id="v_1", koc_id="k_1", campaign_id="c_1", weight_ppm=400_000)
    budget = _AT | {"event_type": "campaign.budget_set", "campaign_id": "c_1", "currency": "CNY"}
    book.register(PLAN | {"new_customer_bonus_minor": 500}, budget | {"event_id": "s1", "amount_minor": 0})
    fact = received(1, credits=(other, of_budget), new_customer=True)
    book.assert_lines(fact)
    settle(book, FIRST, "run-1")
    assert "budget:c_1:committed" not in balances(book)
    moved = FactCredit(content_id="v_1", koc_id="k_1", campaign_id="c_1")
    book.assert_lines(fact.but(credits=(moved,), version=FactVersion(touch=2)))
    settle(book, SECOND, "run-2")
    assert (balances(book)["budget:c_1:committed"], balances(book)["budget:c_1:available"]) == (500, -500)


def test_a_line_that_a_tier_could_lift_over_the_journals_limit_is_left_out_and_others_are_settled(
    book: BookDriver,
) -> None:
    """Its rows would be refused when the run is applied, and the run could never end."""
    tiers = [{"from_minor": 1_000, "rate_ppm": 1_000_000}]
    on_top = [{"role": "mcn", "of": "base", "share_ppm": 1_000_000}]
    book.register(PLAN | {"tiers": tiers, "splits": on_top}, RELATION | {"koc_id": "k_1"})
    book.assert_lines(received(1, goods_paid_minor=600_000_000_000), received(2, goods_paid_minor=2_000))
    run = settle(book, FIRST, "run-1")
    assert [(one["reason"], one["lines"]) for one in run.counts["skipped"]] == [("set_aside", 1)]
    assert balances(book)["koc:k_2:payable"] == -1_200
    assert balances(book)["koc:k_1:pending"] == -120_000_000_000


def test_a_hold_of_a_content_keeps_what_lines_were_settled_for_it_though_they_are_credited_otherwise_now(
    book: BookDriver,
) -> None:
    book.register(PLAN)
    fact = received(1)
    book.assert_lines(fact)
    settle(book, FIRST, "run-1")
    again = FactCredit(content_id="v_9", koc_id="k_1", campaign_id=None)
    book.assert_lines(fact.but(credits=(again,), version=FactVersion(touch=2)))
    book.register(_AT | {"event_id": "h1", "event_type": "hold.placed", "hold_id": "h_1", "content_id": "v_1"})
    settle(book, SECOND, "run-2")
    assert balances(book)["koc:k_1:held"] == -1_867


def test_a_run_over_the_same_books_again_moves_nothing(book: BookDriver) -> None:
    fill_settled(book)
    entries = len(book.journal())
    settle(book, SECOND, "run-3")
    assert len(book.journal()) == entries
    with book.store.snapshot() as books:
        *_, last = books.run_records().runs()
        plan = books.run_records().plan(last.run.id)
        assert (last.run.counts["lines"], plan.contents) == (0, plan.contents[:0])
        assert all(one.net == NetResult(0, 0, 0, 0, 0) for one in plan.parties)


def test_legs_of_parties_are_those_of_the_journal(book: BookDriver) -> None:
    fill_settled(book)
    with book.store.snapshot() as books:
        expected = [
            PartyLeg(account, row.writer, row.seq, amount, row.effective_at, row.order_id, row.line_id, row.kind)
            for row in books.journal()
            for account, amount in sorted(zip(row.accounts, row.amounts, strict=True))
            if is_of_a_party(books.names[account][0])
        ]
        assert list(books.run_records().party_legs()) == expected
        assert len(expected) > 50
