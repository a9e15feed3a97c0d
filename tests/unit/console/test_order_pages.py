"""Pages of orders, searches, entries and contents: what stands on them, and where their links lead."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from services.console import keyset_rows
from services.console.app import console_app
from services.console.content_figures import ContentFigures
from services.console.pages import content, entry, order, search
from services.console.words.catalogue import chinese
from services.operations.explain.sources import BookedOrder, PublishedOrder
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.journal_rows import ChainedEntry
from services.settlement.books.lookups.content import ContentLookup, ContentRegistration, ContentSpend, FeePosition
from services.settlement.books.lookups.entry import FoundEntry
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.lookups.search import Found, FoundKind
from services.settlement.domain.book.entries import Entry, Kind
from services.settlement.domain.pricing.reference import Reference
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.booked_orders import booked_order
from tests.kit.order_events import paid, record
from tests.kit.settled_book import SECOND, fill_settled
from tests.kit.settlement_facts import DAY, PAID_AT

NO_BOOKS = BookedOrder([], [], Reference())
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Reads a page of a console without a database; each test says what the lookups find."""

    @contextmanager
    def nowhere(_request: Any) -> Iterator[None]:
        yield None

    for module in (order, search, entry, content, keyset_rows):
        monkeypatch.setattr(module, "reading", nowhere)
    client = TestClient(console_app(create_engine("postgresql+psycopg://"), "127.0.0.1"),
                        base_url="http://127.0.0.1:8700", follow_redirects=False)  # fmt: skip

    def read(path: str, status: int = 200, **headers: str) -> str:
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, answer.text[-500:]
        return answer.headers.get("location", answer.text)

    return read


@pytest.fixture(scope="module")
def settled() -> BookDriver:
    book = BookDriver(MemoryStore())
    fill_settled(book)
    return book


@pytest.fixture
def in_books(settled: BookDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders as settled books have them."""
    monkeypatch.setattr(order, "read_booked", lambda _connection, name: booked_order(settled, name, SECOND + DAY))


def no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "read_booked", lambda _connection, _name: NO_BOOKS)
    monkeypatch.setattr(order, "read_published", lambda _name, _booked: PublishedOrder([], on_its_way=False))


# An order


@pytest.mark.usefixtures("in_books")
def test_the_story_has_answer_pictures_entries_and_lazy_parts(page: Callable[..., str]) -> None:
    text = page("/order/o_2")
    for part in ("Where the money is", "Who gets what of it", "Who was considered", "Entries", "Why not me?"):
        assert part in text
    assert 'hx-get="?part=log"' in text
    assert '<a href="?part=log">' in text, "the part is there without script too"
    assert 'href="/entry/' in text
    assert 'href="/run/' in text
    assert "style=" not in text


@pytest.mark.usefixtures("in_books")
def test_the_buyer_stands_on_the_page_and_in_no_address(page: Callable[..., str]) -> None:
    text = page("/order/o_2")
    addresses = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert "b_2" in text
    assert [address for address in addresses if "b_2" in address.split("/") or "buyer" in address] == []


@pytest.mark.usefixtures("in_books")
def test_tables_of_the_story_are_csv(page: Callable[..., str]) -> None:
    lines = page("/order/o_2?csv=entries-1").splitlines()
    assert lines[0].lstrip("\ufeff") == "entry,kind,effective_at,period,cause,account,amount"
    assert any(",Commission settled," in line for line in lines)
    page("/order/o_2?csv=entries-2", 404)


@pytest.mark.usefixtures("in_books")
def test_the_story_is_told_in_chinese(page: Callable[..., str]) -> None:
    text = page("/order/o_2", **{"accept-language": "zh-CN"})
    assert '<html lang="zh-CN">' in text
    assert "钱在哪里" in text
    assert "Where the money is" not in text


def test_an_order_that_is_not_in_the_books_says_so_at_once(page: Callable[..., str], monkeypatch: Any) -> None:
    monkeypatch.setattr(order, "read_booked", lambda _connection, _name: NO_BOOKS)
    text = page(f"/order/{SCRIPT}")
    assert "The books have nothing of this order." in text
    assert "<script>alert" not in text
    assert 'hx-get="?part=log"' in text


def test_a_part_is_a_page_of_its_own_without_script_and_bare_with_it(
    page: Callable[..., str], monkeypatch: Any
) -> None:
    no_events(monkeypatch)
    whole, bare = page("/order/o_1?part=log"), page("/order/o_1?part=log", **{"hx-request": "true"})
    assert "no event of it was ever published" in whole
    assert "no event of it was ever published" in bare
    assert "<html" in whole
    assert "<html" not in bare


def test_why_not_me_keeps_what_was_asked(page: Callable[..., str], monkeypatch: Any) -> None:
    no_events(monkeypatch)
    text = page("/order/o_1?part=why&koc=%22%3Ek_9")
    assert 'name="koc" maxlength="256" value="&#34;&gt;k_9"' in text
    assert "no event of it was ever published" in text
    assert "Type the id of a KOC or of a content." in page("/order/o_1?part=why")


@pytest.mark.usefixtures("in_books")
@pytest.mark.parametrize(
    "path", ["/order/o_2?part=nothing", "/order/o_2?part=payout&line=2", "/order/o_2?part=payout&line=x"]
)
def test_a_part_that_there_is_not_is_not_found(page: Callable[..., str], path: str) -> None:
    page(path, 404)


def test_the_topics_may_be_away(page: Callable[..., str], monkeypatch: Any) -> None:
    def away(_name: str, _booked: BookedOrder) -> PublishedOrder:
        raise ConnectionError("no broker")

    no_events(monkeypatch)
    monkeypatch.setattr(order, "read_published", away)
    text = page("/order/o_1?part=log", 503, **{"hx-request": "true"})
    assert "does not answer" in text
    assert "<html" not in text


def test_an_unattributed_order_lists_the_touches_of_its_buyer(page: Callable[..., str], monkeypatch: Any) -> None:
    no_events(monkeypatch)
    monkeypatch.setattr(order, "read_published", lambda _name, _booked: PublishedOrder([record(paid(), 0)], False))
    monkeypatch.setattr("services.operations.explain.touches.LiveTouchLibrary.traces", lambda *_: [])
    text = page("/order/o_1?part=log")
    assert "has neither a touch that could be credited nor a declaration" in text
    assert "The clicks log has no touch of this buyer" in text


# Search


def finds(monkeypatch: pytest.MonkeyPatch, *found: Found) -> None:
    monkeypatch.setattr(search, "find", lambda _connection, _text: list(found))


@pytest.mark.parametrize(
    ("query", "found", "href"),
    [
        ("o_1", Found(FoundKind.ORDER, "o_1"), "/order/o_1"),
        ("k_7", Found(FoundKind.PARTY, "koc:k_7"), "/party/koc:k_7"),
        ("koc:k_7", Found(FoundKind.PARTY, "koc:k_7"), "/party/koc:k_7"),
        ("2-7", Found(FoundKind.ENTRY, "2-7"), "/entry/2-7"),
        ("september", Found(FoundKind.PAYOUT_BATCH, "september"), "/batch/september"),
    ],
)
def test_one_exact_hit_leads_to_its_page(
    page: Callable[..., str], monkeypatch: Any, query: str, found: Found, href: str
) -> None:
    finds(monkeypatch, found, Found(FoundKind.ORDER, f"{query}0"))
    assert page(f"/search?q={query}", 303) == href


def test_several_exact_hits_are_listed_with_what_each_is(page: Callable[..., str], monkeypatch: Any) -> None:
    finds(monkeypatch, Found(FoundKind.ORDER, "x"), Found(FoundKind.BRAND, "x"), Found(FoundKind.CONTENT, "x_1"))
    text = page("/search?q=x")
    assert text.index('href="/order/x"') < text.index('href="/brand/x"') < text.index('href="/content/x_1"')
    assert "Nothing in the books is called exactly so." not in text


def test_what_has_no_page_is_named_all_the_same(page: Callable[..., str], monkeypatch: Any) -> None:
    finds(monkeypatch, Found(FoundKind.PLAN, "pl_1"))
    assert "Plan" in page("/search?q=pl_1")


def test_nothing_found_offers_the_topics_and_says_what_can_be_searched(
    page: Callable[..., str], monkeypatch: Any
) -> None:
    finds(monkeypatch)
    text = page("/search?q=o/1")
    assert 'href="/order/o%2F1"' in text
    assert "What can be searched" in text
    assert "What can be searched" in page("/search")


@pytest.mark.parametrize(
    ("query", "href"),
    [
        ("q=+o_1+&kind=order", "/order/o_1"),
        ("q=k_7&kind=koc", "/party/koc:k_7"),
        ("q=koc:k_7&kind=koc", "/party/koc:k_7"),
        ("q=commerce.orders.v1/10/2827", "/dead-letter/commerce.orders.v1/10/2827"),
    ],
)
def test_questions_of_the_first_page_and_positions_go_straight_there(
    page: Callable[..., str], query: str, href: str
) -> None:
    assert page(f"/search?{query}", 303) == href


def test_words_of_tables_have_chinese() -> None:
    assert set(search.KIND_WORDS) == set(FoundKind)
    assert [word for word in [*search.KIND_WORDS.values(), *content.PAYERS.values()] if word not in chinese()] == []


# An entry


ENTRY = Entry(
    "run|run-2|o_1/1/b_1", "settlement run run-2", Kind.COMMISSION_SETTLED, "CNY", "2026-11", PAID_AT, "o_1", "1",
    "3-7", {"koc:k_7:payable": -2_520, "koc:k_7:pending": 2_520},
)  # fmt: skip


def shown_entry(page: Callable[..., str], monkeypatch: Any, one: Entry, *, seq: int = 8, is_last: bool = False) -> str:
    chained = ChainedEntry(JournalEntry(one, 3, seq, PAID_AT + DAY, b"\xab" * 32), b"\xcd" * 32)
    monkeypatch.setattr(entry, "find_entry", lambda *_: FoundEntry(chained, is_last))
    return page(f"/entry/3-{seq}")


def test_an_entry_is_shown_whole(page: Callable[..., str], monkeypatch: Any) -> None:
    text = shown_entry(page, monkeypatch, ENTRY)
    for part in ("Commission settled", "ab" * 32, "cd" * 32, "25.20", "KOC k_7: settled, not paid out yet", "2026-11",
                 'href="/order/o_1"', 'href="/run/run-2"', 'href="/entry/3-7"', 'href="/entry/3-9"'):  # fmt: skip
        assert part in text
    assert "-25.20" not in text


def test_an_entry_without_an_order_at_the_chains_ends_has_no_such_links(
    page: Callable[..., str], monkeypatch: Any
) -> None:
    alone = ENTRY._replace(order_id=None, line_id=None, corrects=None)
    text = shown_entry(page, monkeypatch, alone, seq=1, is_last=True)
    assert "/order/" not in text
    assert "The entry before" not in text
    assert "The entry after" not in text
    assert "Corrects" not in text


def test_an_entry_that_there_is_not_is_not_found(page: Callable[..., str], monkeypatch: Any) -> None:
    monkeypatch.setattr(entry, "find_entry", lambda *_: None)
    assert "the journal has no such entry" in page("/entry/3-8", 404)
    assert "WRITER-NUMBER" in page("/entry/latest", 404)


# A content


REGISTERED = ContentRegistration(PAID_AT, "k_7", "douyin", "br_2", "c_1", "f_1", 30_000, "CNY")
FACTS = ContentLookup(REGISTERED, PAID_AT, None, is_fee_cancelled=False, holds=[])


def shown_content(page: Callable[..., str], monkeypatch: Any, facts: ContentLookup) -> str:
    spend = KeysetPage([ContentSpend("sp_1", PAID_AT, 10_000, "CNY", "platform")], None)
    fees = [FeePosition("CNY", {"koc:k_7:pending": -30_000, "brand:br_2:accrued": 30_000})]
    monkeypatch.setattr(content, "content_facts", lambda *_: facts)
    monkeypatch.setattr(content, "fee_positions", lambda *_: fees)
    monkeypatch.setattr(content, "content_spends", lambda *_: spend)
    monkeypatch.setattr(content, "content_figures", lambda *_, **__: ContentFigures(None, [], [], True, None))
    return page("/content/v/1")


def test_a_content_is_shown_with_who_made_it_its_fee_and_its_traffic(
    page: Callable[..., str], monkeypatch: Any
) -> None:
    text = shown_content(page, monkeypatch, FACTS)
    for part in ("Content v/1", 'href="/party/koc:k_7"', 'href="/brand/br_2"', "douyin", "c_1", "f_1", "300.00",
                 "so its fee is owed", "sp_1", "the platform"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (FACTS._replace(registered=None), "The registry does not know this content."),
        (FACTS._replace(accepted_at=None), "The brand has not accepted the script yet"),
        (FACTS._replace(removed_at=PAID_AT, is_fee_cancelled=True), "so the script fee is not owed"),
        (FACTS._replace(holds=["h_1"]), "Hold h_1 is open"),
    ],
)
def test_a_content_says_what_is_unusual(
    page: Callable[..., str], monkeypatch: Any, facts: ContentLookup, words: str
) -> None:
    assert words in shown_content(page, monkeypatch, facts)
