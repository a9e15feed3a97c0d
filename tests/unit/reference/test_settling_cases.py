"""The reference model of settling gives each state that was worked out by hand."""

import pytest

from tests.reference.settling import Model
from tests.reference.settling_cases import CASES
from tests.reference.settling_script import Case, Expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_reference_model_reaches_each_state(case: Case) -> None:
    model = Model()
    for step in case.script:
        if isinstance(step, Expected):
            assert model.balances(step.currency) == dict(sorted(step.balances.items())), step.what
        else:
            model.tell(step)
