"""What every settlement book keeps for settling, in memory and in PostgreSQL: versions, hints, parties' legs, what is
settled. Tests that import all of this say on which book, by a fixture `book`.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from services.settlement.books.ports import ContentPosition
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION, SPEND_POSITION
from tests.kit.book_behaviour import BRAND, KOC, entry, line, read, write
from tests.kit.book_driver import BookDriver
from tests.kit.registry_events import DENIED, PLAN, RELATION
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import DAY, PAID_AT, Fact


def test_a_content_has_a_position_in_each_currency_and_what_runs_have_settled_of_it(book: BookDriver) -> None:
    held = {
        ("v_1", "CNY"): ContentPosition({BRAND: 1, KOC: -1}, {"koc:k_7": 3}),
        ("v_1", "JPY"): ContentPosition({BRAND: 2, KOC: -2}, {}),
        ("v_2", "JPY"): ContentPosition({}, {}),
    }
    with book.store.registry_transaction() as transaction:
        transaction.put_positions(SCRIPT_FEE_POSITION, held)
        assert transaction.read_positions(SCRIPT_FEE_POSITION, ["v_1", "v_2", "v_3"]) == held
        transaction.put_positions(SCRIPT_FEE_POSITION, {("v_1", "CNY"): ContentPosition({}, {"koc:k_7": 3})})
    with book.store.registry_transaction() as transaction:
        found = transaction.read_positions(SCRIPT_FEE_POSITION, ["v_1"])
        assert found == {("v_1", "CNY"): ({}, {"koc:k_7": 3}), ("v_1", "JPY"): held["v_1", "JPY"]}
        assert transaction.read_positions(SPEND_POSITION, ["v_1"]) == {}
    with book.store.snapshot() as books:
        assert [(one.identity, one.stored, one.settled) for one in books.contents()] == [
            ("v_1", {"JPY": {BRAND: 2, KOC: -2}}, {"CNY": {"koc:k_7": 3}}), ("v_2", {}, {}),
        ]  # fmt: skip


def test_every_version_of_a_fact_is_kept_and_priced_by_as_of_its_offset(book: BookDriver) -> None:
    book.take_registry(PLAN, PLAN | {"event_id": "r1b", "rate_ppm": 150_000})
    book.take_registry(PLAN | {"event_id": "r1c", "rate_ppm": 100_000})
    with book.store.snapshot() as books:
        reference = books.reference()
    rates = [[plan.rate_ppm for plan in reference.as_of(offset).plans.versions("pl_1")] for offset in range(4)]
    assert rates == [[], [200_000], [150_000], [100_000]]


def test_a_dispute_that_is_lost_is_known_to_every_transaction_until_it_is_decided_otherwise(book: BookDriver) -> None:
    def denied() -> AbstractSet[tuple[str, str | None]]:
        with book.store.transaction() as transaction:
            transaction.moment(known)
        with book.store.snapshot() as books:
            assert books.reference().denied == known.denied
        return known.denied

    known = Reference()
    book.take_registry(DENIED, DENIED | {"event_id": "d2", "dispute_id": "di_2", "order_id": "o_2", "line_id": "1"})
    assert denied() == {("o_1", None), ("o_2", "1")}
    book.take_registry(PLAN)
    assert denied() == {("o_1", None), ("o_2", "1")}
    book.take_registry(DENIED | {"event_id": "d3", "outcome": "allowed"})
    assert denied() == {("o_2", "1")}


def test_a_hint_is_left_for_each_new_day_on_which_a_line_is_due(book: BookDriver) -> None:
    write(book, lines=[line(settle_at=PAID_AT), line("b_2", standing=False)])
    [stored, other] = (read(book, ("o_1", "1"))[buyer] for buyer in ("b_1", "b_2"))
    write(book, lines=[replace(stored, revision=8), replace(other, settle_at=PAID_AT + DAY)])
    for settle_at in (None, PAID_AT + DAY):
        write(book, lines=[replace(read(book, ("o_1", "1"))["b_1"], settle_at=settle_at)])
    assert book.store.hints() == [
        (3, "2026-11-01", ("o_1", "1", "b_1")), (3, "2026-11-02", ("o_1", "1", "b_1")),
        (3, "2026-11-02", ("o_1", "1", "b_2")),
    ]  # fmt: skip


def test_the_legs_of_parties_are_listed_as_the_journal_has_them(book: BookDriver) -> None:
    fill(book)
    own = {
        "koc:k_7:payable": -9, "mcn:m:held": 7, "clawback:koc:k_7": 1, "platform:fee": -2, "writeoff:koc:a:held": 2,
        "koc:k_7:pending": 1,
    }  # fmt: skip
    write(book, [(entry("run|1|koc:k_7|CNY|netted")._replace(legs=own, kind=Kind.CLAWBACK_NETTED), 900)])
    expected = {
        (account, one.writer, one.seq): (amount, one.entry.kind.code)
        for one in book.journal()
        for account, amount in one.entry.legs.items()
        if account in ("koc:k_7:payable", "mcn:m:held", "clawback:koc:k_7")
    }
    assert book.store.party_legs() == expected
    assert len(expected) == 4, "one of them is of the spend that the KOC paid"


def test_later_entries_of_a_line_correct_its_first_one(book: BookDriver) -> None:
    book.register(PLAN, RELATION)
    book.assert_lines(Fact().refunded(100), order(2))
    book.assert_lines(Fact().refunded(100).refunded(100, event_id="o1_ref2"))
    book.assert_lines(Fact(buyer_id="a_earlier", paid_at=PAID_AT - DAY), partition=5)
    corrected = [(one.entry_id, one.entry.corrects) for one in book.journal() if one.entry.order_id == "o_1"]
    assert corrected == [
        ("3-1", None), ("3-2", "3-1"), ("3-4", "3-1"), ("3-5", "3-1"), ("5-1", None),
    ]  # fmt: skip
    assert {buyer: found.first_seq for buyer, found in read(book, ("o_1", "1")).items()} == {"b_1": 1, "a_earlier": 1}
