"""What the brand pays for a line, as a bar of its parts."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.story.people import claimant_href, claimant_name, claimant_rank, role_class
from services.console.values import MoneyCell
from services.operations.explain.settling import ClaimantExplanation

_WHOLE = 1_000


class SharePart(NamedTuple):
    """One claimant's part of a bar.

    Attributes:
        role: a class of the stylesheet.
        left: where it begins, percent of the bar, as an attribute of SVG; `width` likewise.
        percent: of the whole, for people; None where the whole is nothing.
    """

    name: str
    href: str | None
    role: str
    amount: MoneyCell
    left: str
    width: str
    percent: str


class ShareBar(NamedTuple):
    """All parts, and their sum: what the brand pays."""

    total: MoneyCell
    parts: Sequence[SharePart]


def share_bar(claimants: Sequence[ClaimantExplanation], currency: str) -> ShareBar | None:
    """The bar of what claimants are owed now; None where nothing is owed."""
    owed = sorted(((one.claimant, one.owed_minor) for one in claimants if one.owed_minor > 0), key=_rank)
    total = sum(amount for _, amount in owed)
    if not total:
        return None
    parts = []
    before = 0
    for claimant, amount in owed:
        left, right = before * _WHOLE // total, (before + amount) * _WHOLE // total
        parts.append(
            SharePart(
                claimant_name(claimant),
                claimant_href(claimant),
                role_class(claimant),
                MoneyCell(amount, currency),
                _percent(left),
                _percent(right - left),
                _percent((amount * _WHOLE * 2 + total) // (2 * total)),
            )
        )
        before += amount
    return ShareBar(MoneyCell(total, currency), parts)


def _rank(owed: tuple[str, int]) -> tuple[int, str]:
    return claimant_rank(owed[0])


def _percent(thousandths: int) -> str:
    return f"{thousandths // 10}.{thousandths % 10}%"
