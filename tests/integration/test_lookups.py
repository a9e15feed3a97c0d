"""What pages look up in the books, on one book in PostgreSQL that the tests only add to."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from services.kernel.errors import InputRefused
from services.kernel.time import HOUR, to_datetime, to_micros
from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.settlement.books.line_lists import LineCondition, page_of_lines
from services.settlement.books.lookups import (
    brand,
    content,
    entry,
    left_out,
    party,
    party_coming,
    party_facts,
    party_lines,
    run_lines,
    search,
)
from services.settlement.books.lookups.keyset import KeysetPage, PageKey
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.reader import books_reader
from services.settlement.domain.settling.candidates import BLOCKING_REASONS
from tests.kit.books import Books
from tests.kit.paid_book import THIRD, fill_paid
from tests.kit.registry_events import CONTENT, PLAN, SPEND
from tests.kit.settled_book import SECOND, received
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactVersion
from tests.kit.stacks import empty_database_on, leading_to

SOME = 3
"""Rows a page, here."""


@pytest.fixture(scope="module")
def books(stack: Stack) -> Iterator[Books]:
    """Three runs, two batches of payouts, an open debt, lines that wait for each reason, and a closed month."""
    with leading_to(stack), empty_database_on(stack):
        opened = Books()
        fill_paid(opened)
        opened.register(*(_held(**of) for of in HELD))
        opened.assert_lines(received(23, received_at=SECOND).refunded(5_000, at=THIRD + DAY), partition=0)
        opened.assert_lines(*_waiting(), partition=1)
        opened.assert_lines(received(36, buyer_id="b_before", paid_at=PAID_AT), partition=2)
        opened.plant("UPDATE line SET quarantined = 'a test' WHERE order_id = 'o_32'")
        opened.store.close_month("2026-10")
        yield opened
        opened.close()


HELD: tuple[dict[str, Any], ...] = ({"order_id": "o_33"}, {"order_id": "o_34", "line_id": "1"}, {"content_id": "v_93"})


def _held(**of: str) -> dict[str, Any]:
    """A hold on an order, a line or a content."""
    what = {"event_type": "hold.placed", "occurred_at": "2026-11-20T00:00:00Z", "event_id": f"held_{len(of)}"}
    return what | {"hold_id": "held_" + "_".join(of.values())} | of


def _waiting() -> Iterator[Fact]:
    """Lines from 30 on that no run settles at THIRD, each for another reason."""
    yield received(30, brand_id="br_unknown")
    yield received(31, received_at=None, status="paid")
    yield from (received(number) for number in (32, 33, 34))
    yield received(35, credits=(FactCredit("v_93", "k_7"),), paid_at=PAID_AT + DAY)
    yield received(36)
    yield received(37, received_at=THIRD + HOUR - 7 * DAY)
    yield received(38, version=FactVersion(0, 1, 2, 1))
    yield received(38, version=FactVersion(0, 1, 1, 2))


@pytest.fixture
def reader(books: Books) -> Iterator[Connection]:
    del books
    with books_reader() as engine, engine.connect() as connection:
        yield connection


def every(
    page: Callable[..., KeysetPage[Any]], between: Callable[[], object] = lambda: None, limit: int = SOME
) -> list[Any]:
    """All rows of a list, some a page; `between` happens before each further page."""
    rows: list[Any] = []
    after: PageKey | None = None
    while True:
        some = page(after=after, limit=limit)
        assert len(some.rows) <= limit
        assert not any(str(part).startswith("b_") for part in some.next_key or ()), "keys stand in addresses"
        rows += some.rows
        assert len(rows) < 5_000, "it comes to an end"
        if some.next_key is None:
            return rows
        after = some.next_key
        between()


def names(found: list[search.Found]) -> list[str]:
    return [f"{one.kind} {one.id}" for one in found]


def test_a_text_finds_what_has_that_name(books: Books, reader: Connection) -> None:
    ((payout,),) = books.rows("SELECT id FROM payout WHERE party = 'koc:k_1' AND batch = 'p1'")
    wanted = {
        "o_5": "order o_5", "k_1": "party koc:k_1", "koc:k_1": "party koc:k_1", "m_1": "party mcn:m_1",
        "br_2": "brand br_2", "v_93": "content v_93", "c_1": "campaign c_1",
        "pl_1": "plan pl_1", payout: f"payout {payout}", "p1": "payout_batch p1", "run-1": "run run-1",
        "2026-10": "month 2026-10", "0-1": "entry 0-1", "  o_5 ": "order o_5",
    }  # fmt: skip
    assert {text: names(search.find(reader, text))[0] for text in wanted} == wanted
    assert "command run-1" in names(search.find(reader, "run-1"))


def test_a_text_suggests_names_that_begin_with_it(reader: Connection) -> None:
    assert names(search.find(reader, "o_2")) == ["order o_2", *(f"order o_{number}" for number in range(20, 29))]
    assert names(search.find(reader, "run-")) == ["run run-1", "command run-1", "run run-2", "command run-2",
                                                  "run run-3", "command run-3"]  # fmt: skip
    assert {"party koc:k_0", "party koc:k_1", "party koc:k_2"} <= set(names(search.find(reader, "k_")))
    assert names(search.find(reader, "koc:k_1")) == ["party koc:k_1"]
    suggested = search.find(reader, "o")
    assert len(suggested) == search.MAX_SUGGESTIONS
    assert all(one.id.startswith("o") for one in suggested)


@pytest.mark.parametrize(
    "text",
    ["", " ", "%", "o_%", "o\0", "\ud800", "选品", "o_5'--", "x" * 257, "9999-1", "0-999999999999999999", "platform"],
)
def test_a_text_that_names_nothing_finds_nothing(reader: Connection, text: str) -> None:
    assert search.find(reader, text) == []


def test_a_list_loses_and_repeats_nothing_while_rows_are_added(books: Books, reader: Connection) -> None:
    def line(number: int, brand_id: str = "br_2") -> None:
        both = (FactCredit("v_93", "k_88", weight_ppm=600_000), FactCredit("v_93", "k_1", weight_ppm=400_000))
        credited = both[:1] if number % 2 else both[::-1]
        fact = received(number, brand_id=brand_id, credits=credited, paid_at=PAID_AT + number // 4 * DAY)
        books.assert_lines(fact, partition=number % 3)

    for number in range(100, 112):
        line(number)
    added = iter(range(200, 400))

    def add() -> None:
        line(next(added))  # paid after all others
        line(next(added), "br_3")

    def page(after: PageKey | None, limit: int) -> KeysetPage[party_lines.KocLine]:
        found = party_lines.koc_lines(reader, "k_88", after, limit)
        reader.rollback()  # so that the next page sees what was added
        return found

    seen = [one.order_id for one in every(page, add)]
    assert seen == [f"o_{number}" for number in sorted(range(100, 112), key=lambda n: (n // 4, f"o_{n}"), reverse=True)]
    again = [one.order_id for one in every(page)]
    assert len(again) == len(set(again)) == len(seen) + next(added) - 200


def test_what_a_koc_has_of_its_lines_adds_up_to_its_balances(books: Books, reader: Connection) -> None:
    for koc in ("k_0", "k_1", "k_2"):
        lines = every(lambda koc=koc, **page: party_lines.koc_lines(reader, koc, **page))
        assert [one.place for one in lines] == sorted((one.place for one in lines), reverse=True)
        (money,) = party.party_money(reader, f"koc:{koc}")
        fees = 0 if koc != "k_7" else 1
        assert sum(one.pending_minor for one in lines) == money.pending_minor + fees
        parts = party_coming.pending_parts(reader, f"koc:{koc}", THIRD)
        assert sum(part.amount_minor for part in parts) == money.pending_minor
        pending = every(lambda koc=koc, **page: party_lines.pending_lines(reader, koc, **page))
        assert pending == [one for one in lines if one.pending_minor]
    assert {one.order_id for one in pending} >= {"o_5"}
    del books


def test_pending_money_is_told_by_day_by_what_blocks_it_and_the_rest_last(reader: Connection) -> None:
    parts = party_coming.pending_parts(reader, "koc:k_1", THIRD)
    *_, rest = parts
    lines = every(lambda **page: party_lines.pending_lines(reader, "k_1", **page))
    blocked = {part.blocked: part for part in parts if part.blocked is not None}
    waiting = [one for one in lines if one.settle_at is None]
    assert {"o_13", "o_31"} == {one.order_id for one in waiting}, "the goods of both are not received"
    assert (rest.blocked, rest.is_due, rest.day, rest.lines) == (None, False, None, None)
    assert rest.amount_minor == sum(one.pending_minor for one in waiting)
    assert {reason: part.orders for reason, part in blocked.items()} == {"line_held": ("o_34",)}
    assert len(parts) == len({(part.blocked, part.day, part.is_due) for part in parts})
    assert sum(part.lines or 0 for part in parts) == len(lines) - len(waiting)


def test_what_is_due_is_what_a_run_of_this_very_moment_would_settle(reader: Connection) -> None:
    def due(now: int) -> dict[str, int]:
        return {
            party_id: sum(
                part.amount_minor for part in party_coming.pending_parts(reader, party_id, now) if part.is_due
            )
            for party_id in ("koc:k_0", "koc:k_1", "koc:k_2", "mcn:m_1")
        }

    at = THIRD + HOUR  # o_37 is due then: it is of k_1 and its agency
    before, after = due(at - 1), due(at)
    (line,) = [one for one in every(lambda **page: party_lines.pending_lines(reader, "k_1", **page))
               if one.order_id == "o_37"]  # fmt: skip
    assert line.settle_at == at
    assert after["koc:k_1"] - before["koc:k_1"] == line.pending_minor
    assert after["mcn:m_1"] > before["mcn:m_1"]
    assert (after["koc:k_0"], after["koc:k_2"]) == (before["koc:k_0"], before["koc:k_2"])


def test_what_no_run_settles_is_told_by_the_reasons_of_runs(reader: Connection) -> None:
    found = {
        (party_id, part.blocked): part.orders
        for party_id in ("koc:k_0", "koc:k_1", "koc:k_2", "koc:k_7")
        for part in party_coming.pending_parts(reader, party_id, THIRD)
        if part.blocked is not None
    }
    assert found == {
        ("koc:k_2", "disputed"): ("o_5",), ("koc:k_2", "quarantined"): ("o_32",), ("koc:k_2", "below_join"): ("o_38",),
        ("koc:k_0", "order_held"): ("o_33",), ("koc:k_1", "line_held"): ("o_34",),
        ("koc:k_7", "content_held"): ("o_35",),
    }  # fmt: skip


def test_a_line_with_money_in_an_open_case_says_so(reader: Connection) -> None:
    def told(lines: list[Any]) -> dict[str, str | None]:
        return {one.order_id: one.in_the_way for one in lines if one.order_id in ("o_4", "o_5", "o_33", "o_34")}

    wanted = {"o_4": None, "o_5": "disputed", "o_33": "order_held", "o_34": "line_held"}
    pages = [partial(party_lines.koc_lines, reader, koc) for koc in ("k_0", "k_1", "k_2")]
    assert told([one for page in pages for one in every(page)]) == wanted
    assert told(every(partial(brand.brand_lines, reader, "br_2"))) == wanted


def test_lines_that_a_run_left_out_are_told_however_long_ago_they_were_paid(
    reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = ("koc:k_0", "koc:k_1", "koc:k_2", "koc:k_7", "mcn:m_1")
    known = [party_coming.pending_parts(reader, party_id, THIRD) for party_id in parties]
    monkeypatch.setattr(party_coming, "RECEIPT_DAYS", 0)
    _, since = party_coming.horizon(psycopg_of(reader), THIRD)
    assert to_micros(since) > PAID_AT + 50 * DAY, "nearly all lines were paid before"
    assert [party_coming.pending_parts(reader, party_id, THIRD) for party_id in parties] == known


def test_the_horizon_is_behind_the_greatest_window_that_the_registry_knows(books: Books, reader: Connection) -> None:
    last_run, since = party_coming.horizon(psycopg_of(reader), THIRD)
    assert last_run is not None
    assert (to_micros(last_run), to_micros(since)) == (THIRD, THIRD - (party_coming.RECEIPT_DAYS + 7) * DAY)
    windows = {"return_window_days": 30, "auto_receive_days": 90}
    books.register(PLAN | {"event_id": "late", "plan_id": "pl_late", "brand_id": "br_late"} | windows)
    reader.rollback()
    _, since = party_coming.horizon(psycopg_of(reader), THIRD)
    assert to_micros(since) == THIRD - (90 + 30) * DAY


def test_before_the_first_run_all_lines_are_read() -> None:
    class NoRun:
        """A book in which nothing was settled yet."""

        def execute(self, _statement: str, _parameters: object) -> "NoRun":
            return self

        def fetchall(self) -> list[tuple[None, int]]:
            return [(None, 67)]

    assert party_coming.horizon(NoRun(), THIRD) == (None, to_datetime(0))


def test_a_koc_that_only_lines_without_a_plan_credit_is_known(books: Books, reader: Connection) -> None:
    shares = [("k_401", 400_000), ("k_402", 300_000), ("k_403", 300_000)]
    several = tuple(FactCredit("v_400", koc, weight_ppm=share) for koc, share in shares)
    books.assert_lines(received(400, brand_id="br_unknown", credits=several), partition=1)
    for koc, _ in shares:
        assert party_facts.is_known_party(reader, f"koc:{koc}"), koc
        assert names(search.find(reader, koc)) == [f"party koc:{koc}"]
    assert not party_facts.is_known_party(reader, "koc:k_404")
    assert not party_facts.is_known_party(reader, "mcn:k_401")


def test_entries_of_a_party_are_its_legs(books: Books, reader: Connection) -> None:
    entries = every(lambda **page: party.party_entries(reader, "koc:k_1", **page))
    assert [one.recorded_at for one in entries] == sorted((one.recorded_at for one in entries), reverse=True)
    assert len({one.entry_id for one in entries}) == len(entries)
    (money,) = party.party_money(reader, "koc:k_1")
    sums = Counter[str]()
    for one in entries:
        sums.update(payable=one.payable_minor, held=one.held_minor, owed=one.owed_minor)
    assert (sums["payable"], sums["held"], sums["owed"]) == (money.payable_minor, money.held_minor, money.owed_minor)
    legs = (
        "SELECT count(DISTINCT (writer, seq)) FROM party_leg JOIN account ON account_id = id WHERE key LIKE '%koc:k_1%'"
    )
    assert books.rows(legs) == [(len(entries),)]


def test_payouts_of_a_party_come_newest_first(books: Books, reader: Connection) -> None:
    payouts = every(lambda **page: party.party_payouts(reader, "koc:k_1", **page))
    stored = books.rows("SELECT p.id FROM payout p JOIN payout_batch b ON b.id = batch WHERE party = 'koc:k_1'"
                        " ORDER BY proposed_at DESC")  # fmt: skip
    assert [(one.id,) for one in payouts] == stored
    (money,) = party.party_money(reader, "koc:k_1")
    assert money.in_transit_minor == sum(one.amount_minor for one in payouts if one.status == "instructed")


def test_a_party_that_owes_is_told_by_age(books: Books, reader: Connection) -> None:
    owing = books.rows("SELECT key, amount_minor FROM account JOIN balance ON account_id = id"
                       " WHERE key LIKE 'clawback:%' AND amount_minor > 0")  # fmt: skip
    assert owing
    for key, amount in owing:
        (debt,) = party.party_debts(reader, key.removeprefix("clawback:"))
        assert (debt.owed_minor, sum(debt.aged.open_minor)) == (amount, amount)
    assert party.party_debts(reader, "koc:k_404") == []


def test_lines_of_a_brand_add_up_to_its_bill(books: Books, reader: Connection) -> None:
    (bill,) = brand.brand_bill(reader, "br_2")
    lines = every(lambda **page: brand.brand_lines(reader, "br_2", **page))
    assert books.rows("SELECT count(*) FROM line WHERE brand_id = 'br_2'") == [(len(lines),)]
    fee = 30_000  # a script fee, which is of no line
    assert (
        sum(one.accrued_minor + one.billed_minor for one in lines) + fee == bill.accrued_minor + bill.receivable_minor
    )
    assert every(lambda **page: brand.brand_lines(reader, "br_unknown", **page))[0].in_the_way == "unpriced"


def test_a_brand_without_campaigns_has_no_budget(reader: Connection) -> None:
    assert brand.brand_budgets(reader, "br_2").rows == []
    assert brand.brand_bill(reader, "br_404") == []


def test_budgets_of_a_brand_are_read_at_once_by_campaign(books: Books, reader: Connection) -> None:
    budget = {"event_type": "campaign.budget_set", "occurred_at": "2026-11-20T00:00:00Z", "currency": "CNY"}
    for number in range(1, 2 * SOME + 2):
        campaign = {"campaign_id": f"c_7{number}"}
        books.register(
            CONTENT | campaign | {"event_id": f"of_{number}", "content_id": f"v_7{number}", "brand_id": "br_7"},
            budget | campaign | {"event_id": f"limit_{number}", "amount_minor": 1_000 * number},
        )
    reader.rollback()
    budgets = every(lambda **page: brand.brand_budgets(reader, "br_7", **page))
    assert budgets == [(f"c_7{number}", "CNY", 1_000 * number, 0, 1_000 * number) for number in range(1, 2 * SOME + 2)]


def test_lines_of_a_run_have_what_the_run_settled(books: Books, reader: Connection) -> None:
    for run, counts in books.rows("SELECT id, counts FROM run"):
        lines = every(lambda run=run, **page: run_lines.run_lines(reader, run, **page))
        assert len({one.place for one in lines}) == len(lines) == counts["lines"]
        settled = Counter[str]()
        for one in lines:
            settled.update(one.settled)
        fees = {"koc:k_7": 30_000} if counts["script_fees"] else {}
        parties = {each["party"]: each["amount_minor"] - fees.get(each["party"], 0) for each in counts["parties"]}
        assert settled == {party: minor for party, minor in parties.items() if minor}


def test_a_line_that_the_run_has_not_come_to_has_settled_nothing(books: Books, reader: Connection) -> None:
    books.plant("INSERT INTO run_line SELECT run, partition, 'o_later', line_id, buyer_id, position, settled_accounts,"
                " settled_amounts, grants, parts FROM run_line WHERE run = 'run-2' LIMIT 1")  # fmt: skip
    later = [one for one in run_lines.run_lines(reader, "run-2").rows if one.order_id == "o_later"]
    books.plant("DELETE FROM run_line WHERE order_id = 'o_later'")
    assert [one.settled for one in later] == [None]


def test_each_reason_lists_the_lines_that_a_run_would_leave_out(reader: Connection) -> None:
    def listed(reason: str) -> list[str]:
        lines = every(lambda **page: left_out.left_out_lines(reader, reason, THIRD, **page))
        return [
            one.order_id for one in lines if 30 <= int(one.order_id.removeprefix("o_")) < 40 or reason == "disputed"
        ]

    assert {reason: listed(reason) for reason in BLOCKING_REASONS} == {
        "not_standing": ["o_36"], "below_join": ["o_38"], "unpriced": ["o_30"], "set_aside": [],
        "quarantined": ["o_32"], "not_due": ["o_37"], "disputed": ["o_5"], "order_held": ["o_33"],
        "line_held": ["o_34"], "content_held": ["o_35"],
    }  # fmt: skip
    (line,) = left_out.left_out_lines(reader, "order_held", THIRD).rows
    assert line.pending_minor > 0
    with pytest.raises(InputRefused, match="no run leaves lines out for 'weather'"):
        left_out.left_out_lines(reader, "weather", THIRD)


@pytest.fixture
def rivals(books: Books) -> Iterator[None]:
    """Four more buyers claim each order line."""
    del books
    changed = "buyer_id || '_rival_' || number AS buyer_id, false AS standing"
    copied = (
        "SELECT (jsonb_populate_record({0}, to_jsonb(changed))).* FROM {0} CROSS JOIN generate_series(1, 4) AS number"
    )
    owner = engine("owner")
    with owner.begin() as connection:
        for table in ("line", "run_line"):
            copies = copied.format(table) + f" CROSS JOIN LATERAL (SELECT {changed}) AS changed"
            connection.execute(text(f"INSERT INTO {table} {copies}"))
    yield
    with owner.begin() as connection:
        for table in ("line", "run_line"):
            connection.execute(text(f"DELETE FROM {table} WHERE buyer_id LIKE '%\\_rival\\__'"))
    owner.dispose()


@pytest.mark.usefixtures("rivals")
@pytest.mark.parametrize("limit", [2, SOME, 7])
def test_pages_put_together_are_the_list_where_several_buyers_claim_an_order_line(
    reader: Connection, limit: int
) -> None:
    lists: dict[str, Callable[..., KeysetPage[Any]]] = {
        "koc": partial(party_lines.koc_lines, reader, "k_1"),
        "pending": partial(party_lines.pending_lines, reader, "k_1"),
        "brand": partial(brand.brand_lines, reader, "br_2"),
        "run": partial(run_lines.run_lines, reader, "run-1"),
        "displaced": partial(left_out.left_out_lines, reader, "not_standing", THIRD),
        "second owners": partial(page_of_lines, reader, LineCondition.SECOND_OWNER),
        "unpriced": partial(page_of_lines, reader, LineCondition.UNPRICED),
    }
    for name, read in lists.items():
        whole = read(after=None, limit=10_000)
        assert len(whole.rows) >= 5, name
        assert every(read, limit=limit) == list(whole.rows), name


def test_an_entry_is_found_with_the_hash_before_it(books: Books, reader: Connection) -> None:
    rows = books.rows("SELECT seq, chain FROM journal WHERE writer = 1 ORDER BY seq")
    before = bytes(32)
    for seq, chain in rows:
        found = entry.find_entry(reader, 1, seq)
        assert found is not None
        assert (found.chained.recorded.entry_id, found.chained.recorded.hash) == (f"1-{seq}", bytes(chain))
        assert (found.chained.prev_hash, found.is_last) == (before, seq == len(rows))
        assert sum(found.chained.recorded.entry.legs.values()) == 0
        before = bytes(chain)
    assert len(rows) > 3
    assert entry.find_entry(reader, 1, len(rows) + 1) is None


def test_a_content_is_known_by_what_stands_of_it(reader: Connection) -> None:
    facts = content.content_facts(reader, "v_93")
    registered = facts.registered
    assert registered is not None
    assert (registered.koc_id, registered.brand_id, registered.script_fee_minor) == ("k_7", "br_2", 30_000)
    assert (facts.accepted_at is None, facts.removed_at, facts.is_fee_cancelled) == (False, None, False)
    assert facts.holds == ["held_v_93"]
    assert content.content_facts(reader, "v_404") == content.ContentLookup(None, None, None, False, [])
    (fee,) = content.fee_positions(reader, "v_93")
    assert (fee.currency, sum(fee.booked.values()), max(fee.booked.values())) == ("CNY", 0, 30_000)
    assert content.fee_positions(reader, "v_404") == []


def test_the_newest_report_of_each_spend_of_a_content_is_listed(books: Books, reader: Connection) -> None:
    books.register(*(SPEND | {"event_id": f"sp{n}", "spend_id": f"sp_x{n}", "amount_minor": n} for n in range(1, 5)))
    books.register(SPEND | {"event_id": "sp_again", "spend_id": "sp_x2", "amount_minor": 7})
    reader.rollback()
    listed = every(lambda **page: content.content_spends(reader, "v_93", **page))
    assert [(one.spend_id, one.amount_minor) for one in listed if one.spend_id.startswith("sp_x")] == [
        ("sp_x1", 1), ("sp_x2", 7), ("sp_x3", 3), ("sp_x4", 4),
    ]  # fmt: skip
