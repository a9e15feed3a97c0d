"""Payouts through the console by two people, from the proposal to the bank's reply, on a real database."""

import html
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from starlette.testclient import TestClient

from services.console.app import console_app
from services.console.books import open_reader
from services.operations.settle import propose as proposing
from services.runtime.settings import settings
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.commands import told
from tests.kit.parties_due import PartyDue, propose_for
from tests.kit.payouts import payout_name
from tests.kit.stacks import with_environment
from tests.kit.waiting import until

DUES = (PartyDue("koc:k_7", 2520, "bank", "ref_7"), PartyDue("mcn:m_2", 720, "alipay", "ref_2"))
PAYEES = "ref,rail,name,account,bank\nref_7,bank,Li Na,DE89370400440532013000,COBADEFFXXX\nref_2,alipay,Ana,a@b.cc,\n"
K_7, M_2 = payout_name("p1", "koc:k_7"), payout_name("p1", "mcn:m_2")


class Browser:
    """A browser with a person signed in; follows no redirection by itself.

    Args:
        client: of the console.
        address: of the person's login.
    """

    def __init__(self, client: TestClient, address: str) -> None:
        self._client = client
        login = make_url(address)
        answer = self.post("/enter", "/enter", name=str(login.username), password=str(login.password))
        assert answer.headers["location"] == "/"

    def page(self, path: str) -> str:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    def hidden(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the form that is posted to an address."""
        (form,) = re.findall(rf'action="{re.escape(action)}".*?</form>', self.page(page), re.DOTALL)
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))

    def post(self, page: str, action: str, file: bytes | None = None, **fields: Any) -> Any:
        """Send the form that stands on a page."""
        data = self.hidden(page, action) | fields
        return self.send(action, data, file)

    def send(self, action: str, data: dict[str, str], file: bytes | None = None) -> Any:
        return self._client.post(action, data=data, files=None if file is None else {"file": ("reply.csv", file)})

    def notice_after(self, answer: Any) -> str:
        """What the next page says of an action."""
        assert answer.status_code == 303, answer.text
        found = re.findall(r'<p class="notice \w+" role="status">([^<]*)</p>', self.page(answer.headers["location"]))
        return str(found[0])


@pytest.fixture
def console(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A console on books in which p0 is proposed by the operator; no topic is waited for. Gives a browser a person."""
    (tmp_path / "payees.csv").write_text(PAYEES)
    told("payee", "import", str(tmp_path / "payees.csv"))
    propose_for(books, "p0", DUES)
    monkeypatch.setattr(proposing, "wait_for_the_books", lambda *_: None)
    monkeypatch.setattr(proposing, "LivePositions", nullcontext)
    reader = open_reader()
    app = console_app(reader, "127.0.0.1")

    def browser(address: Any) -> Browser:
        client = TestClient(app, base_url="http://127.0.0.1:8700", follow_redirects=False)
        return Browser(client, address.get_secret_value())

    yield browser
    reader.dispose()


YES = {"confirmed": "yes", "reason": "a test"}


def propose_anew(payer: Browser) -> None:
    """Cancel p0, try a proposal, and propose p1; each form is sent by its page."""
    fields = payer.hidden("/batch/p0", "/batch/p0/cancel") | YES
    for _ in range(2):
        notice = payer.notice_after(payer.send("/batch/p0/cancel", fields))
        assert notice == "Cancelled and payable again: 2 payouts, 32.40 CNY."
    for what, said in (("trial", "Tried p1: nothing is stored"), ("propose", "Proposed: p1")):
        payer.post("/payouts", "/payouts/propose", batch="p1", what=what, as_of="2026-11-20T10:00:00", **YES)
        until(lambda text=said: text in payer.page("/payouts"), said)  # type: ignore[misc]


def test_two_people_take_payouts_from_the_proposal_to_the_reply(books: Books, console: Any) -> None:
    payer, approver = console(settings().database_payer_url), console(settings().database_approver_url)
    propose_anew(payer)
    assert books.rows('SELECT id, "by" FROM payout_batch ORDER BY 1') == [
        ("p0", "koc_operator_local"), ("p1", "koc_payer_local"),
    ]  # fmt: skip
    # who proposed it is not offered to approve it, and cannot; who approves other sums than were shown, neither
    assert "somebody else in the role koc_payer must approve it" in payer.page("/batch/p1")
    fields = approver.hidden("/batch/p1", "/batch/p1/approve") | YES
    own = fields | {"form_token": payer.hidden("/batch/p1", "/batch/p1/cancel")["form_token"]}
    notice = payer.notice_after(payer.send("/batch/p1/approve", own))
    assert notice == "koc_payer_local proposed p1: somebody else must approve it"
    notice = approver.notice_after(approver.send("/batch/p1/approve", fields | {"seen": "CNY=2:1"}))
    assert notice.endswith("have changed since you saw them: compare the sums once more")
    for _ in range(2):
        notice = approver.notice_after(approver.send("/batch/p1/approve", fields))
        assert notice == "Approved: 2 payouts, 32.40 CNY. The next step is the export."
    # each file holds account numbers, and nobody on the way may keep it
    notice = payer.notice_after(payer.post("/batch/p1", "/batch/p1/export", **YES))
    assert notice == "Payment files exported: 2. Download each one below."
    token = payer.hidden("/payouts", "/payouts/reply")["form_token"]
    name = "p1-pain.001-CNY-1.xml"
    answer = payer.send("/batch/p1/file", {"form_token": token, "back": "/batch/p1", "name": name})
    assert b"DE89370400440532013000" in answer.content
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    # the reply: one is paid, and one row names a payout that the books do not know
    reply = f"payout,outcome\n{K_7},confirmed\nNONE,rejected\n".encode()
    answer = payer.post("/payouts", "/payouts/reply", file=reply, confirmed="yes")
    where = answer.headers["location"]
    assert payer.notice_after(answer) == "1 of 2 rows booked."
    assert "no payout has this id" in payer.page(where)
    again = payer.post("/payouts", "/payouts/reply", file=reply, confirmed="yes")
    assert payer.notice_after(again) == "This file was booked before: nothing was done now."
    assert "Paid out by the bank" in payer.page(f"/payout/{K_7}")
    assert payer.page(f"/payout/{M_2}").count("under way") == 1
    kinds = [kind for (kind,) in books.rows("SELECT kind FROM command ORDER BY seq")][2:]
    assert kinds == ["payout.cancelled", "payout.proposed", "payout.approved", "payout.exported", "payout.replied"]
    with books.store.snapshot() as unchanging:
        assert verify(unchanging).differences == []


def test_an_export_in_production_says_which_settings_of_the_payer_it_needs(books: Books, console: Any) -> None:
    payer, approver = console(settings().database_payer_url), console(settings().database_approver_url)
    propose_anew(payer)
    approver.post("/batch/p1", "/batch/p1/approve", **YES)
    unset = {f"KOC_PAYER_{name}": "" for name in ("NAME", "ACCOUNT", "BANK", "WECHAT_APPID", "ALIPAY_ACCOUNT")}
    bank = {"KOC_PAYER_NAME": "Shop Ltd", "KOC_PAYER_ACCOUNT": "GB33BUKB20201555555555", "KOC_PAYER_BANK": "BUKBGB22"}
    with with_environment(unset | {"KOC_ENVIRONMENT": "production"}):
        notice = payer.notice_after(payer.post("/batch/p1", "/batch/p1/export", **YES))
        needed = "KOC_PAYER_NAME, KOC_PAYER_ACCOUNT, KOC_PAYER_BANK, KOC_PAYER_ALIPAY_ACCOUNT"
        assert notice == (
            f"nothing was exported: the files say who pays, so set {needed}, and start this process again"
        )
    assert books.rows("SELECT count(*) FROM command WHERE kind = 'payout.exported'") == [(0,)]
    with with_environment(unset | bank | {"KOC_ENVIRONMENT": "production"}):
        notice = payer.notice_after(payer.post("/batch/p1", "/batch/p1/export", form="pain.001", **YES))
        assert notice == "Payment files exported: 1. Download each one below."


def test_nobody_decides_without_the_role_the_token_and_the_box(books: Books, console: Any) -> None:
    operator, approver = console(settings().database_operator_url), console(settings().database_approver_url)
    assert "not in the role koc_payer" in operator.page("/batch/p0")
    fields = approver.hidden("/batch/p0", "/batch/p0/approve") | {"reason": "a test", "confirmed": "yes"}
    own = fields | {"form_token": operator.hidden("/batch/p0", "/leave")["form_token"]}
    for action in ("/batch/p0/approve", "/batch/p0/cancel", "/batch/p0/export", "/batch/p0/file", "/payouts/reply"):
        assert operator.send(action, own).status_code == 403
        assert approver.send(action, {"confirmed": "yes"}).status_code == 403
        assert approver.send(action, fields | {"form_token": "0" * 64}).status_code == 403
    unticked = approver.send("/batch/p0/approve", {**fields, "confirmed": ""})
    assert approver.notice_after(unticked).startswith("tick the box")
    assert books.rows("SELECT status FROM payout_batch") == [("proposed",)]
