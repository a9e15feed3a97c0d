"""The reference model gives each state of the cases of payouts that was worked out by hand."""

import pytest

from tests.reference.settling import Model
from tests.reference.settling_payout_cases import PAYOUT_CASES
from tests.reference.settling_script import Case, Expected


@pytest.mark.parametrize("case", PAYOUT_CASES, ids=lambda case: case.title)
def test_the_model_reaches_each_state(case: Case) -> None:
    model = Model()
    for step in case.script:
        if isinstance(step, Expected):
            assert model.balances(step.currency) == dict(sorted(step.balances.items())), step.what
        else:
            model.tell(step)
