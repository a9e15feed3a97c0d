"""The state of a line: the first word that holds."""

from typing import Any

import pytest

from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.stage import LineStage, StageInput, stage_of
from tests.kit.settlement_facts import PAID_AT

NOW = 100
GIVEN = StageInput({"koc:k_1": 10}, is_waiting=False, is_received=True, settle_at=NOW, is_disputed=False, is_held=False)
NOTHING = GIVEN._replace(owed={}, settle_at=None)


def line(**changes: Any) -> Line:
    return Line(("o_1", "1", "b_1"), 3, PAID_AT, "CNY", "br_2", **changes)


SETTLED = {"koc:k_1": 10}
CASES = [
    (line(quarantined="asked", standing=False), GIVEN, "quarantined"),
    (line(standing=False), GIVEN._replace(is_disputed=True), "displaced"),
    (line(), GIVEN._replace(is_disputed=True, is_held=True), "disputed"),
    (line(settled=SETTLED), GIVEN._replace(is_held=True), "frozen"),
    (line(), NOTHING, "reversed"),
    (line(settled=SETTLED), NOTHING, "clawed_back"),
    (line(), NOTHING._replace(is_waiting=True), "confirmed"),
    (line(), GIVEN._replace(is_received=False, settle_at=None), "estimated"),
    (line(), GIVEN._replace(settle_at=NOW + 1), "confirmed"),
    (line(), GIVEN, "settleable"),
    (line(settled={"koc:k_1": 11}), GIVEN, "clawed_back"),
    (line(settled=SETTLED), GIVEN, "settled"),
    (line(settled={"koc:k_1": 9}), GIVEN, "settled"),
    (line(settled=SETTLED), GIVEN._replace(is_paid=True), "paid"),
    (line(settled={"koc:k_1": 11}), GIVEN._replace(is_paid=True), "clawed_back"),
]


@pytest.mark.parametrize(("one", "given", "expected"), CASES)
def test_each_state(one: Line, given: StageInput, expected: str) -> None:
    assert stage_of(one, given, NOW) == expected


def test_every_state_is_among_the_cases() -> None:
    assert {expected for _, _, expected in CASES} == set(LineStage)
