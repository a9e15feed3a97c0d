"""What runs settled of a line by content, also when several runs settled it."""

import pytest

from services.kernel.errors import InvariantBroken
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.statements.content_shares import SettledParts, earned_contents


def part(content_id: str, koc_id: str = "k_7", **amounts: int) -> CreditPart:
    named = {"platform" if role == "platform" else f"{role}:{role}_1": minor for role, minor in amounts.items()}
    return CreditPart(content_id, koc_id, "pl_1", 0, sum(amounts.values()), named)


def run(*parts: CreditPart, **settled: int) -> SettledParts:
    named = {"platform" if role == "platform" else f"{role}:{role}_1": minor for role, minor in settled.items()}
    return SettledParts(named, parts)


def test_the_first_run_earns_what_the_parts_come_to() -> None:
    first = run(part("v_1", koc=60, platform=5), part("v_2", "k_8", koc=40), koc=100, platform=5)
    assert earned_contents(first, []) == {
        "koc:koc_1": {("v_1", "k_7"): 60, ("v_2", "k_8"): 40},
        "platform": {("v_1", "k_7"): 5},
    }


def test_a_later_run_earns_the_difference_and_a_content_that_lost_its_credit_is_negative() -> None:
    first = run(part("v_1", koc=60), part("v_2", koc=40), koc=100)
    second = run(part("v_2", koc=70), part("v_3", koc=50), koc=120)
    assert earned_contents(second, [first]) == {
        "koc:koc_1": {("v_1", "k_7"): -60, ("v_2", "k_7"): 30, ("v_3", "k_7"): 50}
    }


def test_a_run_that_does_not_raise_a_claimant_earns_it_nothing_and_is_no_base_of_the_next() -> None:
    first = run(part("v_1", koc=60, mcn=9), koc=60, mcn=9)
    fallen = run(part("v_2", koc=20, mcn=12), koc=60, mcn=12)
    third = run(part("v_3", koc=70, mcn=12), koc=70, mcn=12)
    assert earned_contents(fallen, [first]) == {"mcn:mcn_1": {("v_1", "k_7"): -9, ("v_2", "k_7"): 12}}
    assert earned_contents(third, [first, fallen]) == {"koc:koc_1": {("v_1", "k_7"): -60, ("v_3", "k_7"): 70}}


def test_two_credits_of_one_content_are_one() -> None:
    assert earned_contents(run(part("v_1", koc=60), part("v_1", koc=1), koc=61), []) == {
        "koc:koc_1": {("v_1", "k_7"): 61}
    }


def test_parts_that_do_not_come_to_what_was_settled_break_an_invariant() -> None:
    with pytest.raises(InvariantBroken, match="koc:koc_1 is settled 61, and the parts come to 60"):
        earned_contents(run(part("v_1", koc=60), koc=61), [])
