"""A statement's page: the words of its PDF in both languages, its proof, its files, and what there is not."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from services.console import keyset_rows
from services.console.app import console_app
from services.console.pages import statement
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.lookups.statements import ListedStatement
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.domain.statements.merkle import LEFT
from services.settlement.domain.statements.statement import proof_problem
from services.settlement.statements.forms import StatementForm, file_name, writer_of
from tests.kit.statement_bodies import BRAND, PLATFORM
from tests.kit.statements import SPECIMEN, numbered, sealed

SEALED = [numbered(), *sealed(BRAND, PLATFORM)]
CLOSE = PeriodClose("2026-11", 1, (), (), b"", b"\1", "close-1", "ann", 1_000_000, b"\2")


def address(one: Any) -> str:
    return f"/statement/{one.period}/{one.revision}/{one.party}/{one.currency}"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A console whose books have these statements."""

    def find(_: object, period: str, revision: int, party: str, currency: str) -> Any:
        wanted = period, revision, party, currency
        return next((one for one in SEALED if one[1:5] == wanted), None)

    for module in (statement, keyset_rows):
        monkeypatch.setattr(module, "reading", lambda _request: nullcontext(None))
    monkeypatch.setattr(statement, "find_statement", find)
    monkeypatch.setattr(statement, "closed_months", lambda _: [CLOSE._replace(period="2026-12", root=None), CLOSE])
    listed = KeysetPage([ListedStatement("koc:k_7", "CNY", 3), ListedStatement("platform", "CNY", 4)], None)
    monkeypatch.setattr(statement, "statements_of_month", lambda *_: listed)
    return TestClient(
        console_app(create_engine("postgresql+psycopg://"), "127.0.0.1"), base_url="http://127.0.0.1:8700"
    )


@pytest.mark.parametrize("one", SEALED, ids=lambda one: one.party)
def test_a_statement_shows_whose_it_is_and_its_way_to_the_root(client: TestClient, one: Any) -> None:
    page = client.get(address(one)).text
    assert f"<h1>{one.party}</h1>" in page
    hashes = [one.sha256, *(step[1:] for step in one.path), one.root]
    assert [sha256.hex() for sha256 in hashes if f"<dd>{sha256.hex()}</dd>" not in page] == []
    assert page.count("of the path, on the left") == sum(step[:1] == LEFT for step in one.path)
    assert f"koc statement verify {file_name(one, StatementForm.JSON)} --root {one.root.hex()}" in page


def test_a_statement_is_said_in_both_languages_with_all_decimals(client: TestClient) -> None:
    one = SEALED[0]
    english = client.get(address(one), headers={"accept-language": "en"}).text
    chinese = client.get(address(one), headers={"accept-language": "zh"}).text
    closing = SPECIMEN["statement"]["balance"]["closing"]["balance_minor"]
    amount = f"{closing // 100:,}.{closing % 100:02d}"
    assert f'<dt>Balance</dt><dd><span class="money">{amount} ' in english
    assert f'<dt>余额</dt><dd><span class="money">{amount} ' in chinese
    assert "Commission settled" in english
    assert "佣金结算" in chinese


@pytest.mark.parametrize("form", StatementForm)
def test_a_file_has_the_bytes_that_the_command_writes(client: TestClient, form: StatementForm) -> None:
    one = SEALED[0]
    answer = client.get(f"{address(one)}?form={form.value}")
    assert answer.content == writer_of(form)(one)
    assert answer.headers["content-disposition"] == f'attachment; filename="{file_name(one, form)}"'


def test_the_json_of_the_page_proves_itself(client: TestClient) -> None:
    message = json.loads(client.get(f"{address(SEALED[0])}?form=json").content)
    assert proof_problem(message, SEALED[0].root) is None


def test_what_there_is_not_is_said(client: TestClient) -> None:
    for path in ("/statement/2026-11/9/koc:k_7/CNY", "/statement/2026-11/99999/koc:k_7/CNY"):
        answer = client.get(path)
        assert (answer.status_code, "There is no statement of koc:k_7 in CNY for 2026-11" in answer.text) == (404, True)
    assert client.get(f"{address(SEALED[0])}?form=doc").status_code == 404


def test_the_list_has_the_statements_of_the_latest_month_that_is_complete(client: TestClient) -> None:
    page = client.get("/statements").text
    assert "Statements are being made" in page
    assert "2026-11, revision 1" in page
    assert 'href="/statement/2026-11/1/koc:k_7/CNY?form=pdf"' in page
    assert 'href="/party/koc:k_7"' in page
    assert "/party/platform" not in page
    assert "not all of them are made" in client.get("/statements?period=2026-12&revision=1").text
