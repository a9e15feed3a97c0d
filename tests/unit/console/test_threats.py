"""What browsers and programs are told of every answer of the console, and that docs/security.md names tests of ours."""

import ast
import re

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from services.console.app import console_app
from services.runtime.settings import REPOSITORY
from tests.kit.acls import PRINCIPALS, rules_of
from tests.kit.pages import rows_of

PAGE = REPOSITORY / "docs/security.md"
ANSWERS = {"/enter": 200, "/nothing": 404, "/static/console.css": 200, "/runs": 503, "/runs?after-runs=x": 503}


@pytest.fixture
def client() -> TestClient:
    """A console whose database nobody finds."""
    app = console_app(create_engine("postgresql+psycopg://u@127.0.0.1:1/none"), "127.0.0.1")
    return TestClient(app, base_url="http://127.0.0.1:8700", raise_server_exceptions=False)


@pytest.mark.parametrize(("path", "status"), ANSWERS.items())
def test_no_answer_may_be_stored(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ANSWERS)
def test_no_answer_may_be_framed_or_taken_for_another_kind(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_each_threat_of_a_browser_names_a_test_that_is_there() -> None:
    page = PAGE.read_text()
    named = {tag: (file, test) for tag, file, test in re.findall(r'^\[(\w+)\]: (\S+) "(\w+)"$', page, re.MULTILINE)}
    shown = [tag for *_, by in rows_of(page, "somebody could") for tag in re.findall(r"\[(\w+)\]", by)]
    assert sorted(shown) == sorted(named)
    for file, test in named.values():
        tree = ast.parse((PAGE.parent / file).resolve().read_text())
        assert test in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}, test


def test_the_page_names_every_login_that_may_write_events() -> None:
    for topics, logins in rows_of(PAGE.read_text(), "events"):
        for topic in re.findall("`(.*?)`", topics):
            writers = {one.principal for one in rules_of(*PRINCIPALS) if (one.name, one.operation) == (topic, "Write")}
            assert writers == set(re.findall("`(.*?)`", logins)), topic
