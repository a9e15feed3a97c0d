"""How long a debt has been open."""

import pytest

from services.kernel.time import DAY
from services.settlement.domain.settling.ageing import age_debt

NOW = 1_000 * DAY


def ago(days: int, amount: int) -> tuple[int, int]:
    return NOW - days * DAY, amount


@pytest.mark.parametrize(
    ("legs", "aged", "oldest"),
    [
        ([], (0, 0, 0, 0), None),
        ([ago(0, 1), ago(29, 2), ago(30, 4), ago(59, 8), ago(60, 16), ago(89, 32), ago(90, 64), ago(500, 128)],
         (3, 12, 48, 192), 500),
        ([ago(-5, 1)], (1, 0, 0, 0), -5),
        ([ago(100, 50), ago(40, 30), ago(1, -60)], (0, 20, 0, 0), 40),
        ([ago(100, -60), ago(90, 50), ago(40, 30)], (0, 20, 0, 0), 40),
        ([ago(100, 50), ago(1, -20)], (0, 0, 0, 30), 100),
        ([ago(100, 50), ago(1, -50)], (0, 0, 0, 0), None),
    ],
)  # fmt: skip
def test_credits_go_to_the_oldest_debit_whenever_they_came(
    legs: list[tuple[int, int]], aged: tuple[int, ...], oldest: int | None
) -> None:
    found = age_debt(reversed(legs), NOW)
    assert found.open_minor == aged
    assert found.oldest_at == (None if oldest is None else NOW - oldest * DAY)
