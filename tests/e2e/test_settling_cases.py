"""The worked cases of settling through the real path: each state that was worked out by hand is in the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.command import output_of
from tests.kit.settling_events import LINEAR_POLICIES
from tests.kit.settling_path import State, settling_path
from tests.kit.stacks import stack_of_its_own
from tests.reference.settling_cases import CASES
from tests.reference.settling_payout_cases import PAYOUT_CASES
from tests.reference.settling_script import Case, Expected

PHASES = 3
"""How many houses the cases have, each for a time of its own."""

_ALONE = ("P1 ", "P4 ", "P6 ", "P15 ", "P16 ", "P31 ", "P32 ")
PLAYED_ALONE = tuple(case for case in PAYOUT_CASES if case.title.startswith(_ALONE))
"""Cases of payouts come one after the other and take their time; all others are played in tests/integration."""


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[State]]]:
    """What the books held at each place of each case."""
    folder: Path = tmp_path_factory.mktemp("settling-cases")
    policies = folder / "policies.toml"
    policies.write_text(LINEAR_POLICIES)
    environment = {"KOC_POLICY_FILE": str(policies)}
    with stack_of_its_own(folder / "stack", workers=1, environment=environment), settling_path() as path:
        yield path.play(CASES) | path.play_alone(PLAYED_ALONE, PHASES)


@pytest.mark.parametrize("case", CASES + PLAYED_ALONE, ids=lambda case: case.title)
def test_a_case_ends_where_it_was_worked_out(case: Case, states: dict[str, list[State]]) -> None:
    wanted = [step for step in case.script if isinstance(step, Expected)]
    assert [one.what for one in states[case.title]] == [step.what for step in wanted]
    for one in states[case.title]:
        assert one.found == one.expected, one.what


def test_the_books_of_all_cases_are_as_they_should_be(states: dict[str, list[State]]) -> None:
    assert states
    output_of("ledger", "verify")


def test_other_code_makes_the_books_of_all_cases_again_from_the_topics(states: dict[str, list[State]]) -> None:
    assert states
    output_of("drain")
    output_of("ledger", "audit", "--from-topics")
