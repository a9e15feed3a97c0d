"""Every alert on the books, on settlement and on the relay's outboxes fires and clears on a real run."""

from collections.abc import Callable

import pytest

from tests.ops.alerts.faults import MONEY_ROUNDS, alerts_of
from tests.ops.alerts.proof import Proof, check_outcome, check_values
from tests.ops.alerts.site import Site

pytestmark = pytest.mark.timeout(1200)
"""The first test of a round waits for all its faults."""


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
