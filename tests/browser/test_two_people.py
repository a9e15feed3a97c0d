"""A batch of payouts from the proposal to what the bank confirms, by two people with a browser each."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from services.demo.month_end import instructed, write_reply
from services.runtime.local.stack import Stack
from tests.kit.chromium import Visitor
from tests.kit.command import output_of

BATCH = "november"
REASON = "<img src=x onerror=alert(1)> november"
PROPOSER, APPROVER = "koc_payer_local", "koc_approver_local"
_WORK_MS = 120_000
"""A proposal waits until the books know all that was published."""


def test_one_proposes_another_one_approves_and_the_bank_confirms(
    come: Callable[..., Visitor], books: Stack, tmp_path: Path
) -> None:
    one, other = come(), come("zh-CN")
    one.sign_in(PROPOSER, books)
    other.sign_in(APPROVER, books)
    _propose(one.page)
    # whoever proposed may not approve, and is told who may
    one.page.goto(f"/batch/{BATCH}")
    expect(one.page.get_by_text("You proposed this batch, so somebody else")).to_be_visible()
    assert one.page.get_by_text("Approve…").count() == 0
    other.page.goto(f"/batch/{BATCH}")
    seen = other.page.locator("input[name=seen]").get_attribute("value") or ""
    _send_approval(one, seen)
    other.page.reload()
    expect(other.page.get_by_text("审批…")).to_be_visible()
    # somebody else does, in Chinese
    _approve(other.page)
    # files for the bank, and its reply
    _export(one.page)
    payouts = instructed(output_of("payout", "show", BATCH, "--json"))
    write_reply(tmp_path / "reply.csv", payouts, refused=1)
    _take_reply(one.page, tmp_path / "reply.csv")
    expect(one.page.locator(".notice.good")).to_contain_text(f"{len(payouts)} of {len(payouts)} rows booked")
    # the page says what became of it, and so does the command line
    one.page.goto(f"/batch/{BATCH}")
    expect(one.page.locator("h1")).to_contain_text("some came back")
    rows = json.loads(output_of("payout", "show", BATCH, "--json"))["rows"]
    states = [row["status"] for row in rows]
    assert (states.count("confirmed"), states.count("rejected")) == (len(payouts) - 1, 1)
    # the same file again changes nothing
    _take_reply(one.page, tmp_path / "reply.csv")
    expect(one.page.locator(".notice.good")).to_contain_text("was booked before: nothing was done now")


def test_somebody_who_may_only_send_events_again_may_not_pay(come: Callable[..., Visitor], books: Stack) -> None:
    visitor = come()
    visitor.sign_in("koc_operator_local", books)
    visitor.page.goto("/payouts")
    expect(visitor.page.get_by_text("not in the role koc_payer").first).to_be_visible()
    assert visitor.page.get_by_role("button", name="Propose").count() == 0
    token = visitor.page.locator("input[name=form_token]").first.get_attribute("value") or ""
    asked = {"form_token": token, "as_of": "2026-10-01T00:00:00", "reason": "x", "confirmed": "yes"}
    assert visitor.context.request.post("/payouts/propose", form=asked).status == 403


def test_the_payouts_of_a_batch_are_the_same_on_the_page_and_in_its_csv(come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto("/batch/first-half")
    shown = [row.split("\t") for row in page.locator("#payouts tbody").inner_text().splitlines()]
    with page.expect_download() as download:
        page.get_by_role("link", name="Payouts CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert rows[0][:4] == ["party", "payout", "state", "amount"]
    assert len(rows) - 1 == len(shown) > 10
    assert [(row[0], row[1], row[3]) for row in rows[1:]] == [
        (row[0], row[1], row[3].replace(",", "")) for row in shown
    ]


def _propose(page: Page, batch: str = BATCH) -> None:
    page.goto("/payouts")
    page.get_by_label("Name of the batch").fill(batch)
    page.locator("#propose").get_by_label("Why, for whoever reads it later").fill(REASON)
    page.get_by_label("I have looked at the last run").check()
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_text(f"Proposed: {batch}").first).to_be_visible(timeout=_WORK_MS)
    assert page.locator("main img").count() == 0, "a reason is a text"


def _send_approval(visitor: Visitor, seen: str) -> None:
    """The form of the other person, made up and sent by this one: the database refuses it."""
    token = visitor.page.locator("input[name=form_token]").first.get_attribute("value") or ""
    made_up = {"command_id": "console-approve-0123456789abcdef", "confirmed": "yes", "reason": "x", "seen": seen}
    sent = made_up | {"form_token": token, "back": f"/batch/{BATCH}"}
    answer = visitor.context.request.post(f"/batch/{BATCH}/approve", form=sent)
    assert f"{PROPOSER} proposed {BATCH}: somebody else must approve it" in answer.text()


def _approve(page: Page) -> None:
    page.goto(f"/batch/{BATCH}")
    page.get_by_text("审批…").click()
    form = page.locator("form[action$='/approve']")
    form.get_by_label("事由").fill("金额与批次相符")
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="审批通过").click()
    expect(page.locator(".notice.good")).to_contain_text("已审批")


def _export(page: Page) -> None:
    page.goto(f"/batch/{BATCH}")
    form = page.locator("form[action$='/export']")
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    assert b"<" in download.value.path().read_bytes() or download.value.suggested_filename.endswith(".csv")


def _take_reply(page: Page, file: Path) -> None:
    page.goto("/payouts")
    page.get_by_label("File of the bank").set_input_files(file)
    page.get_by_label("This file is from the bank").check()
    page.get_by_role("button", name="Book the reply").click()
    page.wait_for_url("**/reply/*")
