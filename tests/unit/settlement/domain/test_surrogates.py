"""Surrogates: which severed line an assertion is about, and that each order line keeps its owner."""

import pytest

from services.settlement.domain.lines.line import Line, owner
from services.settlement.domain.lines.surrogates import AFTER_ALL, BEFORE_ALL, beginning_of, heir, is_surrogate

SEVERED = f"{BEFORE_ALL}{'a' * 26}"


def line(buyer_id: str, paid_at: int = 7, partition: int = 3, order_id: str = "o_1", *, is_known: bool = True) -> Line:
    made = Line((order_id, "1", buyer_id), partition, paid_at, "CNY", "br_2")
    return Line(made.key, partition, paid_at, "CNY", "br_2", vector=(0, 1, 1, 1)) if is_known else made


@pytest.mark.parametrize(
    ("name", "expected"),
    [(SEVERED, True), (f"{AFTER_ALL}{'7' * 26}", True), ("+severed-", False), (f"{SEVERED}a", False), ("b_1", False)],
)
def test_a_surrogate_is_told_by_its_form(name: str, *, expected: bool) -> None:
    assert is_surrogate(name) is expected


def test_a_severed_line_is_known_by_partition_and_time_of_payment() -> None:
    severed, other = line(SEVERED), line("b_2")
    assert heir([other, severed], 3, 7) is severed
    assert heir([other, severed], 4, 7) is None, "another partition: another buyer"
    assert heir([other, severed], 3, 8) is None, "paid at another time: another buyer"
    assert heir([other], 3, 7) is None


def test_a_line_that_was_frozen_before_it_came_has_no_time_of_payment_yet() -> None:
    frozen = line(SEVERED, paid_at=0, is_known=False)
    assert heir([frozen], 3, 7) is frozen


@pytest.mark.parametrize(
    ("rivals", "expected"),
    [
        ([], BEFORE_ALL),
        ([line("a", paid_at=6), line("z", paid_at=8)], BEFORE_ALL),
        ([line("z")], BEFORE_ALL),
        ([line("a")], AFTER_ALL),
        ([line("a"), line("z")], None),
        ([line("a"), line("z", order_id="o_2")], None),
    ],
)
def test_the_same_line_stands_under_a_surrogate(rivals: list[Line], expected: str | None) -> None:
    mine = [line("m"), line("m", order_id="o_2")]
    beginning = beginning_of(mine, [*mine, *rivals])
    assert beginning == expected
    if beginning is not None:
        for one in mine:
            claimants = [rival for rival in rivals if rival.key[:2] == one.key[:2]]
            renamed = line(f"{beginning}{'a' * 26}", order_id=one.key[0])
            assert (owner([one, *claimants]) is one) == (owner([renamed, *claimants]) is renamed)
