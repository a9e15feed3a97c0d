"""Every alert on the books, on settlement and on the relay's outboxes fires and clears on a real run."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.ops.alerts.faults import MONEY_ROUNDS, alerts_of
from tests.ops.alerts.proof import Proof, check_outcome, check_values
from tests.ops.alerts.site import RESTARTS_CLOCK, Site

pytestmark = pytest.mark.timeout(1200)
"""The first test of a round waits for all its faults."""
WORDS = {
    "attribution-1": ("attribution", "worker"),
    "poster-1": ("settlement", "poster"),
    "relay-1": ("settlement", "relay"),
}


@pytest.fixture(scope="module")
def proof(site: Site) -> Proof:
    """The faults, not injected yet."""
    return Proof(site, MONEY_ROUNDS)


@pytest.mark.parametrize("alert", alerts_of(MONEY_ROUNDS))
def test_an_alert_fires_by_its_fault_and_clears_after_its_repair(
    proof: Proof, alert: str, record_property: Callable[[str, object], None]
) -> None:
    check_outcome(proof, alert, record_property)


@pytest.mark.parametrize("alert", alerts_of(MONEY_ROUNDS))
def test_what_an_alert_compares_had_values_that_make_sense(site: Site, proof: Proof, alert: str) -> None:
    proof.outcome_of(alert)
    check_values(site, alert)


def test_nothing_fires_while_each_process_is_restarted_in_turn(site: Site) -> None:
    began, log = time.monotonic(), site.clocks[RESTARTS_CLOCK]
    with ExitStack() as ends:
        for name, words in WORDS.items():
            ends.enter_context(site.replaced(name, words))
        log.await_calm()
        assert site.fired_since(began, RESTARTS_CLOCK) == {RESTARTS_CLOCK: []}
