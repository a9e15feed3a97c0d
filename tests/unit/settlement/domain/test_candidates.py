"""Why a run leaves a line out."""

import pytest

from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import Worth
from services.settlement.domain.settling.candidates import BLOCKING_REASONS, Candidate, OpenCases, blocking_reason
from tests.kit.settlement_facts import PAID_AT, Fact

KEY = ("o_1", "1", "b_1")
WORTH = Worth({}, ())


def candidate(**changes: object) -> Candidate:
    line = Line(KEY, 3, PAID_AT, "CNY", "br_2", vector=(0, 1, 1, 1), joined=(0, 1, 1, 1))
    for name, value in changes.items():
        setattr(line, name, value)
    return Candidate(line, Fact(), WORTH, 100)


FREE = OpenCases(
    disputes={("o_2", None), ("o_1", "2")}, holds={("o_2", None), ("o_1", "2")}, content_holds={"v_94"}
)  # fmt: skip
CASES = {
    "not_standing": (candidate(standing=False), FREE),
    "below_join": (candidate(joined=(0, 1, 2, 1)), FREE),
    "unpriced": (candidate()._replace(worth=Worth({}, (), unpriced="no_plan")), FREE),
    "set_aside": (candidate()._replace(worth=Worth({}, (), set_aside="too much")), FREE),
    "quarantined": (candidate(quarantined="asked"), FREE),
    "not_due": (candidate()._replace(settle_at=101), FREE),
    "disputed": (candidate(), OpenCases(disputes={("o_1", "1")})),
    "order_held": (candidate(), OpenCases(holds={("o_1", None)})),
    "line_held": (candidate(), OpenCases(holds={("o_1", "1")})),
    "content_held": (candidate(), OpenCases(content_holds={"v_93", "v_1"})),
}


def test_nothing_blocks_a_line_that_is_due() -> None:
    assert blocking_reason(candidate(), 100, FREE) is None


@pytest.mark.parametrize("reason", BLOCKING_REASONS)
def test_each_reason(reason: str) -> None:
    one, cases = CASES[reason]
    assert blocking_reason(one, 100, cases) == reason


def test_a_line_whose_receipt_nobody_reported_is_not_due() -> None:
    assert blocking_reason(candidate()._replace(settle_at=None), 100, FREE) == "not_due"


def test_a_dispute_of_the_whole_order_blocks_each_line() -> None:
    assert blocking_reason(candidate(), 100, OpenCases(disputes={("o_1", None)})) == "disputed"


def test_the_lines_own_state_is_named_before_cases() -> None:
    held = OpenCases(disputes={("o_1", "1")}, holds={("o_1", None), ("o_1", "1")}, content_holds={"v_93"})
    assert blocking_reason(candidate(quarantined="asked"), 100, held) == "quarantined"
    assert blocking_reason(candidate(), 100, held) == "disputed"
