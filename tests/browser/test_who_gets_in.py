"""Who may read and who may act: a token, a personal login, a cookie that no script reads, a form of ours."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import ConsoleMessage, expect

from services.runtime.local.stack import Stack
from tests.kit.chromium import Visitor
from tests.kit.console_process import ConsoleProcess

TOKEN = "a-token-of-24-characters"


@pytest.fixture(scope="module")
def locked(books: Stack, address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console of the same books that asks for a token."""
    del address  # it is the first: the books are made, and nobody waits for two consoles at once
    environment = {**books.environment(), "KOC_CONSOLE_TOKEN": TOKEN}
    with ConsoleProcess(tmp_path_factory.mktemp("locked"), "locked", environment) as console:
        yield console.address


def test_without_the_token_no_page_is_shown_and_with_it_the_one_that_was_asked_for(
    come: Callable[..., Visitor], locked: str
) -> None:
    visitor = come(at=locked, statuses=frozenset({403}))
    page = visitor.page
    page.goto("/runs")
    expect(page.get_by_role("heading", name="To read")).to_be_visible()
    page.get_by_label("Token").fill("a-token-that-is-wrong-00")
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Read").click()
    page.wait_for_url("**/runs")
    assert TOKEN not in str(visitor.context.cookies())


def test_a_program_shows_the_token_itself(come: Callable[..., Visitor], locked: str) -> None:
    ask = come(at=locked).context.request
    assert ask.get("/", max_redirects=0).status == 303
    assert ask.get("/", headers={"authorization": "Bearer wrong"}).status == 401
    assert ask.get("/", headers={"authorization": f"Bearer {TOKEN}"}).ok


def test_a_person_signs_in_by_keyboard_and_out_again(come: Callable[..., Visitor], books: Stack) -> None:
    visitor = come(statuses=frozenset({403}))
    page = visitor.page
    page.goto("/enter")
    page.get_by_label("Name").fill("koc_payer_local")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not fit")
    visitor.sign_in("koc_payer_local", books)
    expect(page.locator(".person")).to_have_text("koc_payer_local")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_the_cookie_of_a_session_is_for_this_site_and_not_for_scripts(
    come: Callable[..., Visitor], books: Stack
) -> None:
    visitor = come()
    visitor.page.goto("/")
    before = {one["name"]: one["value"] for one in visitor.context.cookies()}
    visitor.sign_in("koc_payer_local", books)
    cookies = {one["name"]: one for one in visitor.context.cookies()}
    assert (cookies["koc"]["httpOnly"], cookies["koc"]["sameSite"], cookies["koc"]["expires"]) == (True, "Strict", -1)
    assert cookies["koc"]["value"] != before["koc"], "an id that somebody planted is worth nothing after signing in"
    assert visitor.page.evaluate("document.cookie") == ""


def test_a_form_without_its_token_does_nothing(come: Callable[..., Visitor], books: Stack) -> None:
    visitor = come(statuses=frozenset({403}))
    visitor.sign_in("koc_payer_local", books)
    page = visitor.page
    page.locator(".who input[name=form_token]").evaluate("field => field.remove()")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("the form is too old")).to_be_visible()
    page.goto("/")
    expect(page.locator(".person")).to_have_text("koc_payer_local")


def test_the_token_of_somebody_elses_form_does_nothing(come: Callable[..., Visitor], books: Stack) -> None:
    one, other = come(), come()
    one.sign_in("koc_payer_local", books)
    other.sign_in("koc_approver_local", books)
    stolen = one.page.locator(".who input[name=form_token]").get_attribute("value") or ""
    assert other.context.request.post("/leave", form={"form_token": stolen}).status == 403
    assert (
        other.context.request.post("/leave", form={"form_token": stolen}, headers={"origin": "http://x"}).status == 403
    )


def _is_refusal(message: ConsoleMessage) -> bool:
    return "Content Security Policy" in message.text


def test_a_script_that_somebody_planted_would_not_run(come: Callable[..., Visitor]) -> None:
    visitor = come(statuses=frozenset({404}))
    page = visitor.page
    page.goto("/")
    with page.expect_console_message(_is_refusal):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    # The handler had its chance once the picture is known to be missing.
    page.locator("img[src=x]").evaluate(
        "image => image.complete || new Promise(done => image.addEventListener('error', done))"
    )
    with page.expect_console_message(_is_refusal):
        page.evaluate(
            "document.body.appendChild(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
        )
    assert page.evaluate("window.ran") is None
    visitor.problems.clear()


def test_no_page_of_another_site_shows_the_console_within_itself(come: Callable[..., Visitor], address: str) -> None:
    visitor = come()
    page = visitor.page
    with page.expect_console_message(_is_refusal):
        page.set_content(f'<iframe src="{address}/enter"></iframe>')
    (frame,) = [one for one in page.frames if one != page.main_frame]
    assert frame.get_by_label("Password").count() == 0
    visitor.problems.clear()
