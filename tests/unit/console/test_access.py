"""Who gets in: sessions, form tokens, attempts, hosts, tokens, other sites' forms, and the headers of every answer."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.testclient import TestClient

from services.console import app as app_of_console
from services.console.access import people, sessions
from services.console.access.attempts import MOST_FAILURES, WINDOW_SECONDS, Attempts
from services.console.access.guard import HEADERS, LARGEST_BODY, is_loopback
from services.console.access.people import OPERATOR, Person
from services.console.access.sessions import IDLE_SECONDS, LONGEST_SECONDS, Notice, Sessions
from services.console.actions import local_path
from services.console.app import console_app
from services.console.pages import enter
from services.console.server import _listening, serve
from services.console.state import Console
from services.kernel.errors import StartRefused
from services.runtime import metrics
from services.runtime.database import PersonalLogin
from tests.kit.stacks import with_environment
from tests.kit.waiting import until

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


def test_a_session_that_has_ended_is_forgotten_although_nobody_asks_for_it() -> None:
    clock = Clock()
    known = Sessions(clock)
    known.begin(ANN)
    clock.now = LONGEST_SECONDS - IDLE_SECONDS
    busy = known.begin(ANN)
    known.forget_ended()
    assert len(known) == 1
    assert known.find(busy)


def test_a_console_forgets_what_has_ended_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_of_console, "_FORGET_SECONDS", 0.01)
    clock = Clock()
    known = Sessions(clock)
    monkeypatch.setattr(app_of_console, "Console", partial(Console, sessions=known))
    with TestClient(console_app(create_engine("postgresql+psycopg://"), "127.0.0.1")):
        known.begin(ANN)
        clock.now = IDLE_SECONDS + 1
        until(lambda: len(known) == 0, "the session is forgotten")


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
        assert attempts.begin()
    assert not attempts.begin()
    clock.now = WINDOW_SECONDS
    assert attempts.begin()


def test_an_attempt_counts_as_a_failure_until_it_is_taken_back() -> None:
    attempts = Attempts(Clock())
    for _ in range(2 * MOST_FAILURES):
        assert attempts.begin()
        attempts.take_back()
    assert [attempts.begin() for _ in range(MOST_FAILURES + 1)] == [True] * MOST_FAILURES + [False]


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


def test_guesses_that_are_sent_together_are_counted_before_they_are_answered(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, go_on, asked = start(), threading.Event(), []

    def guess(name: str, _password: str) -> None:
        asked.append(name)
        go_on.wait()

    monkeypatch.setattr(enter, "sign_in", guess)
    fields = {"form_token": form_token(client), "name": "ann", "password": "guess"}
    with client, ThreadPoolExecutor(MOST_FAILURES + 5) as many:
        sent = [many.submit(client.post, "/enter", data=fields) for _ in range(MOST_FAILURES + 5)]
        until(lambda: sum(one.done() for one in sent) == 5, "those above the bound are refused at once")
        go_on.set()
        statuses = sorted(one.result().status_code for one in sent)
    assert statuses == [403] * MOST_FAILURES + [429] * 5
    assert len(asked) == MOST_FAILURES


def test_a_database_that_is_away_is_no_failed_attempt(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start()

    def nobody(*_: str) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as away:
        away.setattr(enter, "sign_in", nobody)
        assert {enters(client, name="ann", password="secret") for _ in range(MOST_FAILURES + 1)} == {503}
    assert enters(client, name="ann", password="secret") == 303


def test_a_wrong_token_of_a_program_is_counted(start: Start) -> None:
    refused = metrics.console().sign_ins.labels("refused")._value
    before = refused.get()
    assert start(TOKEN).get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert refused.get() == before + 1


def test_a_page_that_is_left_open_keeps_nobody_signed_in(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(app_of_console, "Console", partial(Console, sessions=Sessions(clock)))
    client = start()
    assert enters(client, name="ann", password="secret") == 303
    clock.now = IDLE_SECONDS
    assert client.get("/enter", headers={"hx-request": "true"}).status_code == 200
    assert client.get("/static/console.css").status_code == 200
    clock.now += 1
    assert '<span class="person">' not in client.get("/enter").text


def test_what_became_of_an_action_is_not_lost_in_a_part_of_a_page(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Sessions()
    monkeypatch.setattr(app_of_console, "Console", partial(Console, sessions=known))
    client = start()
    assert enters(client, name="ann", password="secret") == 303
    session = known.find(client.cookies["koc"])
    assert session is not None
    session.notice = Notice("It is done.", is_good=True)
    client.get("/enter", headers={"hx-request": "true"})
    assert "It is done." in client.get("/enter").text
    assert "It is done." not in client.get("/enter").text


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


def test_an_address_of_two_slashes_leads_to_no_other_host(start: Start) -> None:
    answer = start().get("http://127.0.0.1:8700//evil.example/")
    assert answer.status_code == 404
    assert 'href="//evil' not in answer.text


@pytest.mark.parametrize("path", ["/order/o%00", "/search?q=o%00"])
def test_an_id_with_a_sign_that_no_database_takes_is_not_found(start: Start, path: str) -> None:
    assert start().get(path).status_code == 404


def test_a_form_that_is_asked_for_says_how_it_is_sent(start: Start) -> None:
    answer = start().get("/leave")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("problem", "status", "said"),
    [
        (OperationalError("", None, Exception()), 503, "does not answer. Nothing was changed"),
        (psycopg.OperationalError("statement timeout"), 503, "took too long"),
        (NoFreeConnection(), 503, "took too long"),
        (StartRefused("the role may not read the books"), 503, "the role may not read the books"),
        (ProgrammingError("", None, Exception()), 500, "The log of the console says why"),
    ],
)
def test_an_error_says_whether_it_passes(
    start: Start, monkeypatch: pytest.MonkeyPatch, problem: Exception, status: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(enter, "local_path", fail)
    answer = start().get("/enter")
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_after_a_form_nobody_says_that_nothing_was_changed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start()
    token = form_token(client)

    def lose(*_: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(enter, "sign_in", lose)
    answer = client.post("/enter", data={"form_token": token, "name": "ann", "password": "secret"})
    assert (answer.status_code, "Look whether it was done" in answer.text) == (503, True)


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartRefused, match=f"port {port} cannot be listened on .*: give another --port"):
            _listening("127.0.0.1", port)
