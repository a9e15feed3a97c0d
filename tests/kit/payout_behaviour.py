"""What payouts are on every settlement book, in memory and in PostgreSQL. Tests that import all of this say on which,
by a fixture `book`.
"""

import hashlib
from typing import Any

from services.settlement.books.payout_ports import StoredPayout
from services.settlement.domain.paying.withholding import Earning, TaxTable, Withholding
from services.settlement.verify.verify import verify
from tests.kit.book_driver import WRITER_N, BookDriver
from tests.kit.paid_book import MINIMUM, THIRD, fill_paid, payee
from tests.kit.payouts import payout_name, propose
from tests.kit.registry_events import PLAN
from tests.kit.run_behaviour import balances
from tests.kit.runs import settle
from tests.kit.settled_book import FIRST, SECOND, received
from tests.kit.settlement_facts import DAY

_AT: dict[str, Any] = {"occurred_at": "2026-11-20T00:00:00Z"}
_MOVES = {"tax.withheld", "payout.instructed", "payout.cancelled"}
TENTH = TaxTable("a tenth", lambda earning: Withholding("cn", earning.gross_minor // 10))


def legs_of(book: BookDriver, account: str) -> list[tuple[int, int, int]]:
    """(writer, number, amount) of an account's legs by the journal alone, without those that move payouts."""
    return sorted(
        (one.writer, one.seq, one.entry.legs[account])
        for one in book.journal()
        if account in one.entry.legs and one.entry.kind.text not in _MOVES
    )


def check(book: BookDriver) -> None:
    """Verify finds nothing."""
    with book.store.snapshot() as books:
        assert verify(books).differences == []


def all_payouts(book: BookDriver) -> list[StoredPayout]:
    """Those of both batches."""
    return [one for batch in ("p1", "p2") for one in book.store.stored_payouts(batch)]


def test_the_rows_of_each_payout_add_up_to_its_amount_and_none_is_in_two(book: BookDriver) -> None:
    fill_paid(book)
    payouts = all_payouts(book)
    assert len(payouts) > 5
    assert {one.batch for one in payouts} == {"p1", "p2"}
    for party in {one.plan.party for one in payouts}:
        rows = legs_of(book, f"{party}:payable")
        own = [one for one in payouts if one.plan.party == party]
        start = 0
        for payout in own:  # each takes the oldest rows that are left, by writer; which these are, its count tells
            taken = [rows[n] for n in _taken(book, rows, payout)]
            assert -sum(amount for *_, amount in taken) == payout.plan.amount_minor
            names = "\n".join(f"{writer}-{seq}" for writer, seq, _ in taken)
            assert (payout.covered.size, payout.covered.sha256) == (len(taken), hashlib.sha256(names.encode()).digest())
            rows = [row for row in rows if row not in taken]
            start += len(taken)
        assert start > 0
        assert sum(amount for *_, amount in rows) == balances(book).get(f"{party}:payable", 0), "the rest is payable"
    check(book)


def _taken(book: BookDriver, rows: list[tuple[int, int, int]], payout: StoredPayout) -> list[int]:
    """Which of these rows were booked before a payout was instructed: writer N's by their number, others by time."""
    journal = {(one.writer, one.seq): one.recorded_at for one in book.journal()}
    (instructed,) = [
        (one.seq, one.recorded_at)
        for one in book.journal()
        if one.entry.idem_key == f"payout|{payout.batch}|{payout.plan.party}|{payout.plan.currency}|instructed"
    ]
    return [
        n
        for n, (writer, seq, _) in enumerate(rows)
        if (seq < instructed[0] if writer == WRITER_N else journal[writer, seq] < instructed[1])
    ]


def test_a_payout_leaves_nothing_payable_and_a_second_proposal_pays_nothing(book: BookDriver) -> None:
    fill_paid(book)
    paid = {one.plan.party for one in book.store.stored_payouts("p2")}
    assert not {f"{party}:payable" for party in paid} & balances(book).keys()
    before = balances(book)["payout:bank:in_transit"]
    assert propose(book, THIRD, "p3").counts["payouts"] == 0
    assert balances(book)["payout:bank:in_transit"] == before
    check(book)


def test_tax_is_withheld_of_what_a_payout_covers_and_the_table_is_stored(book: BookDriver) -> None:
    book.register(PLAN, payee("koc:k_1", "p1"))
    book.assert_lines(received(1))
    settle(book, FIRST, "run-1")
    batch = propose(book, SECOND, "p1", TENTH)
    assert {name: batch.counts[name] for name in ("tax_table", "amounts", "withheld")} == {
        "tax_table": "a tenth", "amounts": {"CNY": 1_681}, "withheld": {"CNY": 186},
    }  # fmt: skip
    (payout,) = book.store.stored_payouts("p1")
    assert (payout.plan.withheld, payout.covered.size) == (Withholding("cn", 186), 1)
    assert payout.covered.sum_minor == -1_867
    found = balances(book)
    assert (found["tax:cn:withheld"], found["payout:bank:in_transit"]) == (-186, -1_681)
    assert "koc:k_1:payable" not in found
    check(book)


def test_a_tax_table_knows_what_was_paid_in_the_year_so_far(book: BookDriver) -> None:
    earnings: list[Earning] = []

    def noted(earning: Earning) -> Withholding:
        earnings.append(earning)
        return Withholding(None, 0)

    book.register(PLAN, payee("koc:k_1", "p1"))
    book.assert_lines(received(1))
    settle(book, FIRST, "run-1")
    propose(book, FIRST, "p1")
    book.assert_lines(received(4))
    settle(book, SECOND, "run-2")
    propose(book, SECOND, "p2", TaxTable("noted", noted))
    book.assert_lines(received(7))
    settle(book, SECOND + 60 * DAY, "run-3")
    propose(book, SECOND + 60 * DAY, "p3", TaxTable("noted", noted))
    assert [one.paid_this_year_minor for one in earnings] == [1_867, 0], "the third is of another year"
    assert earnings[0].gross_minor == 2_067


def skipped(book: BookDriver, as_of: int, batch: str) -> dict[str, tuple[int, int]]:
    """Reason -> parties and amount of those who get no payout."""
    counts = propose(book, as_of, batch).counts
    return {one["reason"]: (one["parties"], one["amount_minor"]) for one in counts["skipped"]}


def test_who_gets_no_payout_is_counted_by_why(book: BookDriver) -> None:
    book.register(PLAN)
    book.assert_lines(received(1), received(2), received(3))
    settle(book, FIRST, "run-1")
    assert skipped(book, FIRST, "p1") == {"no_payee": (3, 5_801)}
    book.register(payee("koc:k_0", "p1"), payee("koc:k_1", "p2"), payee("koc:k_2", "p3"))
    hold = _AT | {"event_id": "h1", "event_type": "hold.placed"}
    book.register(hold | {"hold_id": "h_1", "owner": "koc:k_0"}, hold | {"hold_id": "h_2", "order_id": "o_1"})
    book.register(MINIMUM | {"payout_minimum_minor": {"CNY": 1_934}})
    assert skipped(book, FIRST, "p2") == {"owner_held": (1, 2_000), "held": (1, 1_867)}
    assert [one.plan.party for one in book.store.stored_payouts("p2")] == ["koc:k_2"]
    check(book)


def test_the_minimum_is_that_of_the_moment_and_is_waived_for_a_koc_that_has_left(book: BookDriver) -> None:
    book.register(PLAN, payee("koc:k_1", "p1"), MINIMUM | {"payout_minimum_minor": {"CNY": 1_868}, "reserve_ppm": 0})
    book.assert_lines(received(1))
    settle(book, FIRST, "run-1")
    assert skipped(book, FIRST, "p1") == {"below_minimum": (1, 1_867)}
    left = {"event_id": "l1", "event_type": "koc.left", "koc_id": "k_1", "left_at": "2026-11-25T00:00:00Z"}
    book.register(_AT | left)
    assert skipped(book, FIRST, "p2") == {"below_minimum": (1, 1_867)}, "it had not left then"
    assert skipped(book, SECOND, "p3") == {}
    (payout,) = book.store.stored_payouts("p3")
    assert payout.id == payout_name("p3", "koc:k_1")


def test_a_payee_that_was_set_later_takes_the_newest_rail(book: BookDriver) -> None:
    book.register(PLAN, payee("koc:k_1", "p1"), payee("koc:k_1", "p2", "wechat"))
    book.assert_lines(received(1))
    settle(book, FIRST, "run-1")
    propose(book, FIRST, "p1")
    assert balances(book)["payout:wechat:in_transit"] == -1_867
    check(book)
