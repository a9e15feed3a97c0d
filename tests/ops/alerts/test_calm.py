"""Nothing fires while nothing is wrong: under steady traffic, and while each process is restarted in turn."""

import time
from contextlib import ExitStack

from tests.kit.console_client import ConsoleClient
from tests.kit.waiting import until
from tests.ops.alerts.site import FAULTS_CLOCK, RESTARTS_CLOCK, SLOW_BURNS, SLOW_CLOCK, Site

CALM_SECONDS = 60.0
WORDS = {
    "attribution-1": ("attribution", "worker"),
    "poster-1": ("settlement", "poster"),
    "relay-1": ("settlement", "relay"),
}
PAGES = ("/", "/health", "/order/o_payout", "/party/koc:k_payout", "/commands")


def test_nothing_fires_while_all_is_calm(site: Site) -> None:
    began = time.monotonic()
    with ConsoleClient(site.console.address) as person, site.again_and_again(lambda: _read(person), every=1.0):
        until(lambda: time.monotonic() > began + CALM_SECONDS, "the calm is over", 2 * CALM_SECONDS)
    assert site.fired_since(began, FAULTS_CLOCK, RESTARTS_CLOCK) == {FAULTS_CLOCK: [], RESTARTS_CLOCK: []}
    assert not {*site.fired_since(began, SLOW_CLOCK)[SLOW_CLOCK]} & {*SLOW_BURNS}


def _read(person: ConsoleClient) -> None:
    for page in PAGES:
        person.page(page)


def test_nothing_fires_while_each_process_is_restarted_in_turn(site: Site) -> None:
    began = time.monotonic()
    with ExitStack() as ends:
        for name, words in WORDS.items():
            ends.enter_context(site.replaced(name, words))
        assert site.console.terminate() == 0
        site.console.start()
        site.await_console()
        site.clocks[RESTARTS_CLOCK].await_calm()
        assert site.fired_since(began, RESTARTS_CLOCK) == {RESTARTS_CLOCK: []}
