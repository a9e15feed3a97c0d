"""Faults of the console: killed, without a right, before a slow table, and at the mercy of somebody who guesses."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2

from services.console.access.attempts import MOST_FAILURES
from tests.kit.command import output_of
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site

DOWN: Round = []
FAILING: Round = []
SLOW: Round = []
GUESSED: Round = []
_SECONDS = 60.0
_READERS = 6
"""So many people look at the slow page, again and again: with fewer answers the alert stays quiet."""
_SLOW = """
ALTER TABLE command ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON command USING (true);
CREATE POLICY slowness ON command AS RESTRICTIVE TO koc_reader USING ((SELECT pg_sleep(4)) IS NOT NULL);
"""
_FAST = """
DROP POLICY slowness ON command;
DROP POLICY everybody ON command;
ALTER TABLE command DISABLE ROW LEVEL SECURITY;
"""
_FORM_TOKEN = re.compile(r'name="form_token" value="(\w+)"')


@fault(DOWN, "KocConsoleDown", what="the console is killed, and nobody starts it again", labels={"job": "console"})
def the_console_is_killed(site: Site) -> Iterator[None]:
    site.console.kill()
    yield
    site.console.start()
    site.await_console()


@fault(FAILING, "KocConsoleFailing", what="the console's login may no longer read the table of commands",
       labels={"page": "command"})  # fmt: skip
def a_right_is_taken_away(site: Site) -> Iterator[None]:
    with site.superuser() as session:
        session.execute("REVOKE SELECT ON command FROM koc_reader")
        with site.again_and_again(lambda: _look(site, 503)):
            yield
        session.execute("GRANT SELECT ON command TO koc_reader")
    _look(site, 200)


@fault(SLOW, "KocConsoleSlow", what="the database takes four seconds for each question to the table of commands",
       labels={"page": "command"})  # fmt: skip
def a_table_is_slow(site: Site) -> Iterator[None]:
    output_of("brand", "paid", "br_payout", "1.00", "CNY", "--reason", "by bank")  # the first row is waited for
    with site.superuser() as session:
        session.execute(_SLOW)
        with ExitStack() as people:
            for _ in range(_READERS):
                people.enter_context(site.again_and_again(lambda: _look(site, 200)))
            yield
        session.execute(_FAST)


def _look(site: Site, status: int) -> None:
    """Ask for the list of commands."""
    answer = httpx2.get(f"{site.console.address}/commands", timeout=_SECONDS)
    assert answer.status_code == status, answer.text


@fault(GUESSED, "KocConsoleGuessing", what="somebody tries 21 wrong passwords, and is let try 20 of them")
def somebody_guesses(site: Site) -> Iterator[None]:
    with httpx2.Client(base_url=site.console.address, timeout=_SECONDS) as browser:
        found = _FORM_TOKEN.search(browser.get("/enter").text)
        assert found is not None
        form = {"form_token": found[1], "name": "koc_payer_local"}
        answers = [browser.post("/enter", data=form | {"password": str(n)}) for n in range(MOST_FAILURES + 1)]
    assert [one.status_code for one in answers] == [403] * MOST_FAILURES + [429]
    yield
