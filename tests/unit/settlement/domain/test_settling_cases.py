"""The pure rules of settling give each state that was worked out by hand."""

import pytest

from tests.kit.settling_rules import SettlingRules
from tests.reference.settling_cases import CASES
from tests.reference.settling_payout_cases import PAYOUT_CASES
from tests.reference.settling_script import Case, Expected


@pytest.mark.parametrize("case", CASES + PAYOUT_CASES, ids=lambda case: case.title)
def test_the_rules_reach_each_state(case: Case) -> None:
    rules = SettlingRules()
    for step in case.script:
        if isinstance(step, Expected):
            assert rules.balances(step.currency) == dict(sorted(step.balances.items())), step.what
        else:
            rules.tell(step)
