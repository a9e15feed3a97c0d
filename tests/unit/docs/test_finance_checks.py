"""docs/finance.md names every check and note of verify, and every word that explain says of settlement."""

import re
from typing import Any

from services.operations.explain.explain import OrderExplanation, explained_lines
from services.operations.explain.explanation_json import order_json
from services.operations.explain.left_out import LATER, UNKNOWN
from services.settlement.domain.lines.stage import LineStage
from services.settlement.domain.settling.candidates import BLOCKING_REASONS, NOT_DUE
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.booked_orders import booked_order
from tests.kit.settled_book import SECOND, fill_settled
from tests.kit.source import ROOT

PAGE = (ROOT / "docs/finance.md").read_text()
VERIFY = "\n".join(file.read_text() for file in sorted((ROOT / "services/settlement/verify").glob("*.py")))


def named(words: set[str]) -> set[str]:
    return {word for word in words if f"`{word}`" in PAGE}


def test_every_check_and_every_note_of_verify_is_named() -> None:
    checks = set(re.findall(r'Difference\(\s*"([a-z ]+)"', VERIFY))
    notes = set(re.findall(r'Note\(\s*"([a-z ]+)"', VERIFY))
    assert len(checks) > 30
    assert len(notes) == 5
    assert named(checks | notes) == checks | notes


def test_every_state_and_every_reason_of_a_run_is_named() -> None:
    words = {*LineStage, *BLOCKING_REASONS, LATER, UNKNOWN} - {NOT_DUE}
    assert named(words) == words


def test_every_member_of_a_lines_settlement_is_named() -> None:
    book = BookDriver(MemoryStore())
    fill_settled(book)

    for number in (0, 12):
        booked = booked_order(book, f"o_{number}", SECOND)
        explained = OrderExplanation(f"o_{number}", explained_lines(booked, None), [], [])
        (line,) = order_json(explained)["lines"]
        settlement: list[dict[str, Any]] = [
            {name: line[name] for name in ("state", "clock", "terms", "claimants", "cases", "runs")},
            line["clock"], line["terms"], *line["claimants"], *line["runs"], *line["runs"][-1]["nets"],
            *(credit["grant"] for credit in line["credits"]),
        ]  # fmt: skip
        members = {name for one in settlement for name in one}
        assert named(members) == members
