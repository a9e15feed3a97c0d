"""The questions that people come with, answered from the first page alone, and the way from one page to the next."""

import csv
import io
from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from services.demo import shop_week
from services.runtime.database import engine
from tests.browser.looks import assert_accessible, assert_fits
from tests.browser.shop import ORDERS
from tests.kit.chromium import PHONE, Visitor

_LOOK_MS = 60_000
"""A page that asks the topics takes some seconds."""
_EARNED = (
    "SELECT order_id, koc_ids[1] FROM line WHERE cardinality(koc_ids) = 1 AND unpriced IS NULL"
    " AND settled_accounts IS NOT NULL ORDER BY order_id LIMIT 1"
)
_PAYABLE = (
    "SELECT split_part(account.key, ':', 2), -balance.amount_minor FROM balance JOIN account ON account.id = account_id"
    " WHERE split_part(key, ':', 1) = 'koc' AND split_part(key, ':', 3) = 'payable' AND currency = 'CNY'"
    " ORDER BY amount_minor LIMIT 1"
)


def rows(query: str) -> Sequence[tuple[object, ...]]:
    with engine("reader").connect() as books:
        return [tuple(row) for row in books.execute(text(query))]


def ask(page: Page, field: str, words: str) -> None:
    """Type into a field of the first page and press Enter."""
    page.goto("/")
    page.get_by_label(field).fill(words)
    page.keyboard.press("Enter")


def test_from_the_search_to_an_orders_story_its_koc_a_run_and_the_payouts(come: Callable[..., Visitor]) -> None:
    page = come().page
    [(order, koc)] = rows(_EARNED)
    ask(page, "Order, KOC, brand, content, payout or command", str(order))
    expect(page.locator("h1")).to_have_text(f"Order {order}")
    expect(page.locator(".answer")).to_contain_text(str(koc))
    page.get_by_role("link", name=str(koc)).first.click()
    expect(page.locator("h1")).to_contain_text(str(koc))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    page.locator("#runs tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("Run run-2026-09")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Payouts").click()
    page.get_by_role("link", name="first-half").first.click()
    expect(page.locator("h1")).to_contain_text("Batch first-half")


def test_why_an_order_earned_nobody_anything(come: Callable[..., Visitor]) -> None:
    known = {order for (order,) in rows("SELECT DISTINCT order_id FROM line")}
    without = next(one for one in shop_week.paid_orders(shop_week.shop_week(ORDERS).log) if one not in known)
    page = come().page
    ask(page, "Order id", without)
    expect(page.locator("h1")).to_have_text(f"Order {without}")
    expect(page.locator("main")).to_contain_text("nobody", timeout=_LOOK_MS)
    expect(page.locator(".lazy")).to_have_count(0, timeout=_LOOK_MS)


def test_what_a_koc_will_be_paid_next(come: Callable[..., Visitor]) -> None:
    [(koc, minor)] = rows(_PAYABLE)
    page = come().page
    ask(page, "KOC id", str(koc))
    payable = page.locator(".figure", has_text="Payable").first
    expect(payable).to_contain_text(f"{int(str(minor)) / 100:,.2f}")
    assert_accessible(page)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert_fits(page)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_orders_entries_are_the_same_in_its_csv(language: str, come: Callable[..., Visitor]) -> None:
    [(order, _)] = rows(_EARNED)
    page = come(language).page
    page.goto(f"/order/{order}")
    assert_accessible(page)
    table = page.locator("section.table[id^=entries]").first
    shown = [cell.replace(",", "") for cell in table.locator("td.number").all_inner_texts()]
    with page.expect_download() as download:
        table.locator("a.csv").click()
    written = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert len(written) == len(shown) > 3
    assert [row["amount"] for row in written] == shown
