"""What every settlement book does, in memory and in PostgreSQL. Tests that import all of this say on which, by a
fixture `book`: a driver of empty books.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from typing import Any, NamedTuple

import pytest

from services.kernel.time import parse_rfc3339
from services.settlement.books.ports import (
    ContentPosition,
    JobProgress,
    KeptAssertion,
    LineChange,
    PostedEntry,
    ReferenceEvent,
    RepriceJob,
)
from services.settlement.books.snapshot_port import Balance
from services.settlement.domain.book.entries import GENESIS, Entry, Kind, chain
from services.settlement.domain.lines.line import ContentConflict, Line
from services.settlement.domain.lines.terms import NO_GRANTS, Grant, LineGrants
from services.settlement.domain.pricing.facts import CONTENT as CONTENT_KIND
from services.settlement.domain.pricing.facts import PLAN as PLAN_KIND
from services.settlement.domain.pricing.facts import SPEND as SPEND_KIND
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.scopes import Scope
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.posting.post_credits import Fenced
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.verify.verify import verify
from tests.kit.book_driver import PARTITIONS, WRITER_N, ZONE_MINUTES, BookDriver
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION, SPEND
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import PAID_AT, Fact, FactVersion

BRAND = "brand:br_2:accrued"
KOC = "koc:k_7:pending"
EVERYTHING = Scope(None, frozenset(), 0, None)


class Everything(NamedTuple):
    """All that books say to a reader; accounts that nothing is booked on do not count."""

    journal: list[Any]
    writers: list[Any]
    balances: dict[tuple[str, str], Balance]
    lines: list[Any]
    contents: list[Any]
    facts: dict[str, Any]
    revision: int
    open_jobs: dict[int, list[int]]


def everything(book: BookDriver) -> Everything:
    with book.store.snapshot() as books:
        return Everything(
            [row.in_place(books.names) for row in books.journal()],
            books.writers(),
            {(one.account, one.currency): one for _, one in books.balances() if one.entries},
            sorted(books.lines()),
            list(books.contents()),
            books.facts(PLAN_KIND) | books.facts(CONTENT_KIND) | books.facts(SPEND_KIND),
            books.reference().revision,
            books.open_jobs(),
        )


class Undone(Exception):  # noqa: N818 - what becomes of the transaction
    """Ends a transaction."""


@contextmanager
def undone(book: BookDriver) -> Iterator[Any]:
    """A transaction that fails at its end."""
    with suppress(Undone), book.store.registry_transaction() as transaction:
        yield transaction
        raise Undone


def entry(idem_key: str) -> Entry:
    """An entry of o_1, from the brand to the KOC."""
    legs = {BRAND: 5, KOC: -5}
    return Entry(idem_key, "why", Kind.COMMISSION_ACCRUED, "CNY", "2026-11", PAID_AT, "o_1", "1", None, legs)


def write(book: BookDriver, posted: Sequence[tuple[Entry, int]] = (), lines: Sequence[Line] = ()) -> None:
    """One transaction that writes these entries, each with the number that it is told, and these lines."""
    with book.store.transaction() as transaction:
        writers = transaction.lock_writers({3})

        def changes() -> Iterator[LineChange]:
            """The writer's chain moves on while they are taken."""
            for one, seq in posted:
                writers[3].last = chain(one, 3, GENESIS._replace(seq=seq - 1), 1)
                yield LineChange([PostedEntry(one, 3, writers[3].last)])
            yield from (LineChange((), one) for one in lines)

        transaction.write(changes(), [], writers, 1)


def line(buyer_id: str = "b_1", **changes: Any) -> Line:
    """A line of order line o_1/1 that no assertion has made."""
    return replace(Line(("o_1", "1", buyer_id), 3, PAID_AT, "CNY", "br_2", content_hash=bytes(16)), **changes)


def read(book: BookDriver, *order_lines: tuple[str, str]) -> dict[str, Line]:
    """Stored lines by buyer."""
    with book.store.transaction() as transaction:
        return {found.key[2]: found for found in transaction.read_lines(order_lines)}


def test_numbers_have_no_gap_and_each_entry_is_chained_to_the_one_before(book: BookDriver) -> None:
    fill(book)
    links = dict.fromkeys([*PARTITIONS, WRITER_N], GENESIS)
    assert book.journal() == sorted(book.journal(), key=lambda one: (one.writer, one.seq))
    for one in book.journal():
        links[one.writer] = chain(one.entry, one.writer, links[one.writer], one.recorded_at)
        assert links[one.writer] == one.link
    assert len([link for link in links.values() if link.seq]) == 5
    with book.store.snapshot() as books:
        assert {writer.number: writer.last for writer in books.writers()} == links


def test_balances_are_what_the_journal_adds_up_to(book: BookDriver) -> None:
    fill(book)
    amounts: Counter[tuple[str, str]] = Counter()
    legs: Counter[tuple[str, str]] = Counter()
    for one in book.journal():
        for account, amount in one.entry.legs.items():
            amounts[account, one.entry.currency] += amount
            legs[account, one.entry.currency] += 1
    balances = everything(book).balances
    assert {name: (one.amount_minor, one.entries) for name, one in balances.items()} == {
        name: (amounts[name], legs[name]) for name in legs
    }
    assert sum(amounts.values()) == 0


def test_verify_finds_no_difference_in_a_full_book(book: BookDriver) -> None:
    fill(book)
    with book.store.snapshot() as books:
        report = verify(books)
    assert report.differences == []
    assert report.checked["lines"] == 45
    assert report.checked["contested lines"] == 2


def test_a_batch_that_begins_elsewhere_is_fenced_with_the_offset_to_go_on_from(book: BookDriver) -> None:
    book.assert_lines(Fact())
    before = everything(book)
    book.offsets[3] = 0
    with pytest.raises(Fenced) as fenced:
        book.assert_lines(Fact().refunded(1))
    assert fenced.value.offsets == {3: 1}
    assert everything(book) == before


def test_a_registry_batch_that_begins_elsewhere_is_fenced_too(book: BookDriver) -> None:
    book.take_registry(PLAN, RELATION)
    before = everything(book)
    book.registry_offset = 1
    with pytest.raises(Fenced) as fenced:
        book.take_registry(CONTENT)
    assert fenced.value.offsets == {0: 2}
    assert everything(book) == before


def test_idempotency_keys_name_the_cause_and_the_generation_of_the_log(book: BookDriver) -> None:
    book.register(PLAN, RELATION)
    book.store.begin_generation(3, 4)
    book.assert_lines(Fact(), Fact().refunded(5_000))
    book.assert_lines(Fact().refunded(5_000).refunded(1, event_id="o1_ref2"))
    assert [one.entry.idem_key for one in book.journal()] == [
        "credit|4|3|1|o_1/1/b_1|0", "credit|4|3|1|o_1/1/b_1|1", "credit|4|3|2|o_1/1/b_1|2",
    ]  # fmt: skip


def test_a_place_and_an_idempotency_key_are_used_once(book: BookDriver) -> None:
    write(book, [(entry("credit|1"), 1)])
    before = everything(book)
    for posted in ([(entry("credit|2"), 1)], [(entry("credit|1"), 2)]):
        with pytest.raises(book.store.refusals):
            write(book, posted)
    assert everything(book) == before


def test_a_balance_counts_the_legs_that_moved_it(book: BookDriver) -> None:
    write(book, [(entry("credit|1"), 1), (entry("credit|2"), 2)])
    balances = everything(book).balances
    assert (balances[BRAND, "CNY"].entries, balances[BRAND, "CNY"].amount_minor) == (2, 10)


def test_a_line_comes_back_as_it_was_written_field_by_field(book: BookDriver) -> None:
    values: dict[str, Any] = {
        "key": ("o_1", "1", "b_1"), "partition": 3, "paid_at": PAID_AT, "currency": "CNY", "brand_id": "br_2",
        "standing": True, "stored": False, "vector": (1, 2, 3, 4), "joined": (1, 2, 5, 6), "below_since": PAID_AT + 1,
        "content_hash": bytes(range(16)), "koc_ids": ("k_7", "k_8"), "revision": 9, "unpriced": "no_plan",
        "unpriced_minor": 17, "quarantined": "by hand", "booked": {BRAND: 5, KOC: -5}, "booked_steps": ("e1", "e2"),
        "set_aside": "too much", "first_seq": 4, "settle_at": PAID_AT + 2, "due_at": PAID_AT + 2,
        "terms": book.store.terms(5, PAID_AT + 3), "settled": {"koc:k_7": 3, "platform": 1},
        "grants": LineGrants({"v_1|k_7|c_1|natural": Grant(100, 20, 1, 3), "v_1|k_7||paid": Grant(1, 0, 1, 1)}, 50),
    }  # fmt: skip
    assert {one.name for one in fields(Line)} == values.keys(), "a field that this test does not know"
    write(book, lines=[Line(**values)])
    assert read(book, ("o_1", "1")) == {"b_1": Line(**values | {"stored": True})}
    changed = Line(
        **values | {"stored": True, "below_since": None, "quarantined": None, "booked": {}, "revision": 10,
        "terms": None, "settled": {}, "grants": NO_GRANTS, "settle_at": None, "due_at": None, "first_seq": None}
    )  # fmt: skip
    write(book, lines=[changed])
    assert read(book, ("o_1", "1"))["b_1"] == changed


def test_changing_a_line_changes_neither_its_writer_nor_whether_it_stands(book: BookDriver) -> None:
    write(book, lines=[line()])
    write(book, lines=[line(stored=True, partition=4, standing=False, revision=7)])
    found = read(book, ("o_1", "1"))["b_1"]
    assert (found.partition, found.standing, found.revision) == (3, True, 7)


def test_a_transaction_is_later_than_the_one_before(book: BookDriver) -> None:
    moments = []
    for _ in range(3):
        with book.store.transaction() as transaction:
            moments.append(transaction.moment(Reference()).now)
    assert moments == sorted(set(moments))


def test_the_lines_of_all_buyers_of_an_order_line_are_read(book: BookDriver) -> None:
    write(book, lines=[line("b_1"), line("b_2", standing=False), replace(line(), key=("o_1", "2", "b_1"))])
    assert read(book, ("o_1", "1")).keys() == {"b_1", "b_2"}
    assert read(book, ("o_2", "1")) == read(book) == {}


def test_a_second_line_that_stands_is_refused(book: BookDriver) -> None:
    write(book, lines=[line("b_1")])
    with pytest.raises(book.store.refusals):
        write(book, lines=[line("b_2")])
    assert read(book, ("o_1", "1")).keys() == {"b_1"}


@pytest.mark.parametrize("stored", [True, False])
def test_changing_a_missing_line_and_making_one_twice_are_refused(book: BookDriver, stored: bool) -> None:
    if not stored:
        write(book, lines=[line()])
    before = everything(book)
    with pytest.raises(book.store.refusals):
        write(book, lines=[line(stored=stored)])
    assert everything(book) == before


def test_a_line_that_does_not_stand_cannot_be_displaced(book: BookDriver) -> None:
    write(book, lines=[line(standing=False)])
    with pytest.raises(book.store.refusals), book.store.transaction() as transaction:
        transaction.write([], [line(stored=True)], transaction.lock_writers({3}), 1)


def test_locking_an_unknown_writer_is_refused(book: BookDriver) -> None:
    with pytest.raises(book.store.refusals), book.store.transaction() as transaction:
        transaction.lock_writers({3, WRITER_N + 1})


def test_the_buyer_who_paid_first_owns_the_order_line_and_the_others_book_nothing(book: BookDriver) -> None:
    book.register(PLAN, RELATION)
    book.assert_lines(Fact(buyer_id="b_later", paid_at=PAID_AT + 1, as_of=PAID_AT + 1), partition=1)
    counts = book.assert_lines(Fact(buyer_id="b_first"), partition=2)
    assert counts.assertions["second_owner"] == 1
    assert {buyer: found.standing for buyer, found in read(book, ("o_1", "1")).items()} == {
        "b_first": True, "b_later": False,
    }  # fmt: skip
    taken_back = [one.entry for one in book.journal() if one.writer == 1][-1]
    assert taken_back.idem_key == "credit|0|2|0|o_1/1/b_later|rest"
    assert "another buyer" in taken_back.cause
    assert book.net()["o_1", "1", BRAND, "CNY"] == 4_000
    book.assert_lines(Fact(buyer_id="b_later", paid_at=PAID_AT + 1).refunded(1), partition=1)
    book.assert_lines(Fact(buyer_id="b_last", paid_at=PAID_AT + 2), partition=0)
    assert book.net()["o_1", "1", BRAND, "CNY"] == 4_000
    assert [buyer for buyer, found in read(book, ("o_1", "1")).items() if found.standing] == ["b_first"]


def test_lines_below_their_join_are_counted_at_their_writer(book: BookDriver) -> None:
    def counts() -> dict[int, int]:
        return {writer.number: writer.join_open for writer in everything(book).writers if writer.join_open}

    book.assert_lines(Fact(version=FactVersion(touch=2)), Fact(version=FactVersion(order=2)))
    assert counts() == {3: 1}
    book.assert_lines(Fact(version=FactVersion(touch=2, order=2)))
    assert counts() == {}


def test_an_equal_vector_with_other_content_undoes_its_whole_batch(book: BookDriver) -> None:
    book.register(PLAN, RELATION)
    book.assert_lines(Fact())
    before = everything(book)
    with pytest.raises(ContentConflict):
        book.assert_lines(order(1), Fact(goods_paid_minor=1))
    assert everything(book) == before


def test_an_entry_of_a_closed_month_belongs_to_the_oldest_open_one(book: BookDriver) -> None:
    book.register(PLAN, RELATION)
    book.store.close_month("2026-11")
    book.assert_lines(Fact())
    assert [(one.entry.period, one.entry.effective_at) for one in book.journal()] == [("2026-12", PAID_AT)]


def test_a_transaction_that_fails_leaves_nothing_behind(book: BookDriver) -> None:
    fill(book)
    before = everything(book)
    with undone(book) as transaction:
        writers = transaction.lock_writers({3, WRITER_N})
        writers[3].next_offset, writers[3].join_open = 99, 7
        writers[3].last = chain(entry("credit|99"), 3, writers[3].last, 1)
        posted = [PostedEntry(entry("credit|99"), 3, writers[3].last)]
        kept = KeptAssertion(("o_1", "1", "b_late"), stored=False, partition=3, position=98, raw=Fact().wire())
        transaction.write([LineChange(posted, line("b_late", standing=False), kept)], [], writers, 1)
    with undone(book) as transaction:
        next_offset, revision = transaction.lock_registry(), before.revision
        fact = ReferenceEvent(next_offset, SPEND_KIND, "sp_9", PAID_AT, SPEND | {"spend_id": "sp_9"})
        transaction.put_facts([fact], revision + 1)
        transaction.put_positions(SCRIPT_FEE_POSITION, {("v_9", "CNY"): ContentPosition({BRAND: 1, KOC: -1}, {})})
        transaction.add_job(RepriceJob(next_offset, EVERYTHING, "why", PAID_AT))
        transaction.save_progress(next_offset, 0, JobProgress(("o_1", "1", "b_1"), done=True))
        transaction.save_registry(next_offset + 1, revision + 1)
    assert everything(book) == before
    with book.store.registry_transaction() as transaction:
        assert transaction.lock_registry() == next_offset


def test_a_transaction_brings_reference_data_up_to_date_and_reads_only_what_changed(book: BookDriver) -> None:
    book.take_registry(PLAN, RELATION)
    late = Reference()
    with book.store.transaction() as transaction:
        transaction.moment(late)
    assert (late.revision, len(late.plans.versions("pl_1"))) == (1, 1)
    late.plans.put([replace(late.plans.versions("pl_1")[0], rate_ppm=1)])
    book.take_registry(CONTENT, PLAN | {"version": 2, "rate_ppm": 100_000})
    with book.store.transaction() as transaction:
        transaction.moment(late)
    assert late.revision == 2
    assert [one.rate_ppm for one in late.plans.versions("pl_1")] == [1, 100_000], "what it knew was read again"
    assert late.relations.get("k_7", parse_rfc3339(RELATION["effective_from"])) is not None


def test_the_newest_event_of_an_identity_stands(book: BookDriver) -> None:
    book.take_registry(PLAN, PLAN | {"event_id": "r1b", "rate_ppm": 150_000})
    book.take_registry(PLAN | {"event_id": "r1c", "rate_ppm": 100_000}, RELATION)
    with book.store.snapshot() as books:
        assert [plan.rate_ppm for plan in books.reference().plans.versions("pl_1")] == [100_000]
        assert {key: event.position for key, event in books.facts(PLAN_KIND).items()} == {"pl_1|1": 2}
    with book.store.registry_transaction() as transaction:
        found = transaction.read_facts(PLAN_KIND, ["pl_1|1", "pl_9|1"])
        assert {key: event.body["rate_ppm"] for key, event in found.items()} == {"pl_1|1": 100_000}
        assert transaction.read_facts(CONTENT_KIND, ["pl_1|1"]) == {}


def test_spend_is_found_by_its_content_in_the_order_of_the_log(book: BookDriver) -> None:
    book.take_registry(SPEND | {"spend_id": "sp_2"}, SPEND, SPEND | {"spend_id": "sp_3", "content_id": "v_94"})
    with book.store.registry_transaction() as transaction:
        assert [event.identity for event in transaction.read_spends(["v_93"])] == ["sp_2", "sp_1"]
        assert transaction.read_spends([]) == []


def test_a_script_fee_and_spend_reach_their_targets_in_any_order(book: BookDriver) -> None:
    book.take_registry(ACCEPTED, SPEND)
    assert book.net() == {}
    book.take_registry(CONTENT)
    fee = {(BRAND, "CNY"): 30_000, (KOC, "CNY"): -30_000}
    spent = {("clawback:koc:k_7", "CNY"): 7_500, ("traffic:douyin:prepaid", "CNY"): -7_500}
    assert book.net() == {(None, None, *name): amount for name, amount in (fee | spent).items()}
    book.take_registry(CONTENT | {"event_id": "r3b", "script_fee_minor": 100, "currency": "JPY"})
    fee = {(BRAND, "JPY"): 100, (KOC, "JPY"): -100}
    assert book.net() == {(None, None, *name): amount for name, amount in (fee | spent).items()}
    with book.store.snapshot() as books:
        assert verify(books).differences == []
        assert [(one.kind, one.identity) for one in books.contents()] == [("script_fee", "v_93"), ("spend", "sp_1")]


def test_a_reader_sees_lines_and_contents_that_only_the_journal_knows(book: BookDriver) -> None:
    alone = entry("registry|5|script_fee|v_9|CNY")._replace(order_id=None, line_id=None)
    write(book, [(entry("credit|0|3|0|o_1/1/b_1|0"), 1), (alone, 2)])
    with book.store.snapshot() as books:
        [of_line], [of_content] = books.lines(), books.contents()
    assert (of_line.key, of_line.line, of_line.stored) == (("o_1", "1", "b_1"), None, {})
    assert of_line.journal == {f"{BRAND} CNY": 5, f"{KOC} CNY": -5}
    assert of_content == ("script_fee", "v_9", {}, {"CNY": {BRAND: 5, KOC: -5}}, {})


def test_an_order_line_with_several_claims_or_no_owner_is_contested(book: BookDriver) -> None:
    two, none = line("b_1"), replace(line(standing=False), key=("o_2", "1", "b_1"))
    write(book, lines=[two, line("b_2", standing=False), none, replace(line(), key=("o_3", "1", "b_1"))])
    with book.store.snapshot() as books:
        contested = [[one.key for one in several] for several in books.contested()]
    assert contested == [[("o_1", "1", "b_1"), ("o_1", "1", "b_2")], [("o_2", "1", "b_1")]]


def test_a_job_is_open_in_every_partition_until_each_is_done_and_the_oldest_comes_first(book: BookDriver) -> None:
    book.take_registry(PLAN)
    book.take_registry(PLAN | {"version": 2})
    assert everything(book).open_jobs == {partition: [0, 1] for partition in PARTITIONS}
    assert book.store.oldest_open_job(range(5, 7))[1] == 5
    with book.store.registry_transaction() as transaction:
        transaction.save_progress(0, 5, JobProgress(("o_1", "1", "b_1"), done=True))
        assert transaction.read_progress(0, 5) == JobProgress(("o_1", "1", "b_1"), done=True)
        assert transaction.read_progress(0, 6) == JobProgress(None, done=False)
    job, partition = book.store.oldest_open_job(range(5, 7))
    assert (job.number, partition, job.effective_at) == (0, 6, parse_rfc3339(PLAN["occurred_at"]))
    assert job.cause.startswith("plan.published pl_1")
    job, partition = book.store.oldest_open_job(range(5, 6))
    assert (job.number, partition) == (1, 5)
    book.reprice()
    assert everything(book).open_jobs == {}
    assert book.store.oldest_open_job(PARTITIONS) is None


def test_a_job_continues_after_its_last_line(book: BookDriver) -> None:
    book.assert_lines(*[order(number) for number in range(5)])
    book.take_registry(PLAN)
    job, _ = book.store.oldest_open_job(PARTITIONS)
    done = []
    for _ in range(4):
        with book.store.registry_transaction() as transaction:
            done.append(
                reprice_chunk(transaction, job, 3, book.reference, ZONE_MINUTES, limit=2).assertions["repriced"]
            )
    assert done == [2, 2, 1, 0]
    assert [one.entry.order_id for one in book.journal()] == [f"o_{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("scope", "orders"),
    [
        (EVERYTHING, ["o_0", "o_1", "o_2", "o_3"]),
        (EVERYTHING._replace(brands=frozenset({"br_2"})), ["o_0", "o_2", "o_3"]),
        (EVERYTHING._replace(brands=frozenset(), kocs=frozenset({"k_3", "k_9"})), ["o_3"]),
        (EVERYTHING._replace(brands=frozenset({"br_9"}), kocs=frozenset({"k_3"})), ["o_1", "o_3"]),
        (EVERYTHING._replace(brands=frozenset()), []),
        (EVERYTHING._replace(paid_from=PAID_AT + 1), ["o_2"]),
        (EVERYTHING._replace(paid_to=PAID_AT + 1), ["o_0", "o_1", "o_3"]),
        (EVERYTHING._replace(paid_from=PAID_AT, paid_to=PAID_AT), []),
    ],
)
def test_a_scope_finds_the_standing_lines_that_it_can_change(book: BookDriver, scope: Scope, orders: list[str]) -> None:
    book.assert_lines(order(0), order(1, brand_id="br_9"), order(2, paid_at=PAID_AT + 1), order(3))
    book.assert_lines(order(4), partition=2)
    book.assert_lines(order(5, paid_at=PAID_AT + 1))
    book.assert_lines(order(5, buyer_id="b_first"), partition=2)
    with book.store.registry_transaction() as transaction:
        found = transaction.read_scope(scope, 3, None, 9)
        assert [one.key[0] for one, _ in found] == orders
        assert [assertion.order_id for _, assertion in found] == orders
        after = transaction.read_scope(scope, 3, ("o_1", "1", "b_1"), 1)
        assert [one.key[0] for one, _ in after] == [name for name in orders if name > "o_1"][:1]


def test_a_line_without_an_assertion_is_in_no_scope(book: BookDriver) -> None:
    write(book, lines=[line(quarantined="by hand")])
    with book.store.registry_transaction() as transaction:
        assert transaction.read_scope(EVERYTHING, 3, None, 9) == []


def test_a_snapshot_does_not_change_while_the_books_do(book: BookDriver) -> None:
    fill(book)
    rows = len(book.journal())
    with book.store.snapshot() as unchanging:
        first = unchanging.writers()
        book.assert_lines(*[order(number) for number in range(100, 110)])
        assert unchanging.writers() == first
        assert verify(unchanging).checked["journal rows"] == rows
    assert len(book.journal()) == rows + 10
