"""Who gets in: sessions, form tokens, attempts, hosts, tokens, other sites' forms, and the headers of every answer."""

import re
import socket
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from services.console.access import people, sessions
from services.console.access.attempts import MOST_FAILURES, WINDOW_SECONDS, Attempts
from services.console.access.guard import HEADERS, LARGEST_BODY, is_loopback
from services.console.access.people import OPERATOR, Person
from services.console.access.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions
from services.console.actions import local_path
from services.console.app import console_app
from services.console.pages import enter
from services.console.server import _listening, serve
from services.kernel.errors import StartRefused
from services.runtime.database import PersonalLogin
from tests.kit.stacks import with_environment

TOKEN = "a-token-that-nobody-guesses"
ANN = Person(PersonalLogin("ann", SecretStr("secret")), frozenset({OPERATOR}))
Start = Callable[..., TestClient]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """A console without books: `start(token, url)`; ann's password is `secret`."""
    monkeypatch.setattr(enter, "sign_in", lambda name, password: ANN if (name, password) == ("ann", "secret") else None)

    def console(token: str | None = None, url: str | None = None) -> TestClient:
        with with_environment({"KOC_CONSOLE_TOKEN": token, "KOC_CONSOLE_URL": url}):
            app = console_app(create_engine("postgresql+psycopg://"), "127.0.0.1")
        address = url or "http://127.0.0.1:8700"
        return TestClient(app, base_url=address, follow_redirects=False, raise_server_exceptions=False)

    return console


def form_token(client: TestClient, path: str = "/enter") -> str:
    found = re.search(r'name="form_token" value="(\w+)"', client.get(path).text)
    assert found is not None
    return found[1]


def enters(client: TestClient, **fields: str) -> int:
    return client.post("/enter", data={"form_token": form_token(client), "next": "/runs", **fields}).status_code


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_by_idleness_and_at_its_longest() -> None:
    clock = Clock()
    known = Sessions(clock)
    idle, busy = known.begin(None), known.begin(ANN)
    clock.now = IDLE_SECONDS
    assert known.find(busy)
    clock.now += 1
    assert known.find(idle) is None
    while clock.now < LONGEST_SECONDS:
        assert known.find(busy)
        clock.now += IDLE_SECONDS
    assert known.find(busy) is None
    assert len(known) == 0


def test_the_session_that_was_idle_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    known = Sessions(Clock())
    first, second = known.begin(None), known.begin(None)
    assert known.find(first)
    third = known.begin(None)
    assert [known.find(one) is not None for one in (first, second, third)] == [True, False, True]


def test_a_form_token_is_of_one_browser_and_one_console() -> None:
    known, other = Sessions(), Sessions()
    token = known.form_token("a")
    assert known.is_form_token("a", token)
    assert not known.is_form_token("b", token)
    assert not other.is_form_token("a", token)
    assert not known.is_form_token("a", "té")


def test_after_too_many_failures_nobody_may_try_for_a_minute() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST_FAILURES):
        assert not attempts.are_too_many
        attempts.failed()
    assert attempts.are_too_many
    clock.now = WINDOW_SECONDS
    assert not attempts.are_too_many


@pytest.mark.parametrize(
    ("name", "password"), [("", "x"), ("a", ""), ("a" * 64, "x"), ("a\0b", "x"), ("a", "x" * 1001)]
)
def test_a_name_that_no_database_has_is_not_asked_for(
    name: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "engine", lambda *_: pytest.fail("it was asked"))
    assert people.sign_in(name, password) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),  # noqa: S104
     ("192.0.2.1", False), ("console.example", False), ("::", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_others_than_this_machine_need_a_token() -> None:
    with with_environment({"KOC_CONSOLE_TOKEN": None}), pytest.raises(StartRefused, match="set KOC_CONSOLE_TOKEN"):
        serve("0.0.0.0", 0, lambda _: None)  # noqa: S104 - it is refused


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(StartRefused, match="fewer than 20"), with_environment({"KOC_CONSOLE_TOKEN": "short"}):
        console_app(create_engine("postgresql+psycopg://"), "127.0.0.1")


@pytest.mark.parametrize(
    ("back", "path"),
    [("/runs?x=1", "/runs?x=1"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"),
     ("", "/"), (None, "/"), ("/a\r\nx: y", "/")],
)  # fmt: skip
def test_the_way_back_never_leads_to_another_site(back: str | None, path: str) -> None:
    assert local_path(back) == path


def test_without_a_token_everybody_on_this_machine_reads(start: Start) -> None:
    answer = start().get("/enter")
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert "Token" not in answer.text


def test_a_token_must_be_shown_once(start: Start) -> None:
    client = start(TOKEN)
    assert client.get("/runs?a=b").headers["location"] == "/enter?next=%2Fruns%3Fa%3Db"
    assert enters(client, token="another-token-of-some-length") == 403
    assert client.get("/runs").status_code == 303
    assert enters(client, token=TOKEN) == 303
    assert client.get("/runs").status_code != 303


def test_a_program_shows_the_token_itself(start: Start) -> None:
    client = start(TOKEN)
    assert client.get("/runs", headers={"authorization": f"Bearer {TOKEN}"}).status_code not in {303, 401}
    assert client.get("/runs", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get("/runs", headers={"authorization": f"Basic {TOKEN}"}).status_code == 401


def test_a_person_signs_in_under_a_new_session_and_out_again(start: Start) -> None:
    client = start(TOKEN)
    form_token(client)
    planted = client.cookies["koc"]
    assert enters(client, name="ann", password="wrong") == 403
    assert enters(client, name="ann", password="secret") == 303
    assert client.cookies["koc"] != planted
    assert '<span class="person">ann</span>' in client.get("/enter").text
    assert client.post("/leave", data={"form_token": form_token(client)}).status_code == 303
    assert client.get("/runs").status_code == 303


def test_after_too_many_failures_the_right_password_waits_too(start: Start) -> None:
    client = start()
    for _ in range(MOST_FAILURES):
        assert enters(client, name="ann", password="wrong") == 403
    assert enters(client, name="ann", password="secret") == 429


@pytest.mark.parametrize("path", ["/enter", "/leave"])
def test_a_form_without_its_token_does_nothing(start: Start, path: str) -> None:
    client = start()
    form_token(client)
    assert client.post(path, data={"name": "ann", "password": "secret"}).status_code == 403
    assert client.post(path, data={"form_token": "0" * 64, "name": "ann", "password": "secret"}).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_form_of_another_site_does_nothing(start: Start, headers: dict[str, str]) -> None:
    client = start()
    fields = {"form_token": form_token(client), "name": "ann", "password": "secret"}
    assert client.post("/enter", data=fields, headers=headers).status_code == 403
    assert client.post("/enter", data=fields, headers={"origin": "http://127.0.0.1:8700"}).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_a_name_of_elsewhere_that_leads_here_is_refused(start: Start, host: str) -> None:
    assert start().get("/enter", headers={"host": host}).status_code in {400, 421}


def test_behind_a_proxy_the_cookie_is_for_tls_alone_and_the_host_is_known(start: Start) -> None:
    answer = start(TOKEN, "https://console.example").get("/enter")
    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith("__Host-koc=")
    assert "Secure" in answer.headers["set-cookie"]


def test_a_body_has_a_bound_whether_its_length_is_told_or_not(start: Start) -> None:
    client = start()
    form_token(client)
    large = b"x" * (LARGEST_BODY + 1)
    assert client.post("/enter", content=large).status_code == 413

    def parts() -> Iterator[bytes]:
        yield large

    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/enter", content=parts(), headers=kind).status_code >= 400


def test_a_page_that_is_none_says_so_in_the_readers_language(start: Start) -> None:
    answer = start().get("/nothing", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert answer.status_code == 404
    assert '<html lang="zh-CN">' in answer.text
    assert "没有该页面" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartRefused, match=f"port {port} cannot be listened on .*: give another --port"):
            _listening("127.0.0.1", port)
