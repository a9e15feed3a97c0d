"""Surrogates: the names that stand in the place of a buyer whose link to order lines was cut."""

import re
from collections.abc import Iterable

from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.vectors import NOTHING

BEFORE_ALL, AFTER_ALL = "+severed-", "~severed-"
"""Beginnings of surrogates. Of two lines paid for at one moment the smaller buyer id stands; `+` is below every other
character of an id and `~` above."""
SURROGATE_LETTERS = 26
_SURROGATE = re.compile(r"[+~]severed-[a-z2-7]{26}")


def is_surrogate(buyer_id: str) -> bool:
    """Whether a buyer id is one that severing made."""
    return _SURROGATE.fullmatch(buyer_id) is not None


def heir(claimants: Iterable[Line], partition: int, paid_at: int) -> Line | None:
    """The severed line that an assertion of an unknown buyer is about; None = it is about none.

    A buyer's partition and the time of payment of an order line never change. So a line that was severed is known by
    both; a line that was frozen before it came has no time of payment yet.

    Args:
        claimants: all lines of the assertion's order line.
        partition: of the assertion.
        paid_at: by the assertion, microseconds.
    """
    for line in claimants:
        known = line.vector == NOTHING or line.paid_at == paid_at
        if line.partition == partition and known and is_surrogate(line.key[2]):
            return line
    return None


def beginning_of(lines: Iterable[Line], claimants: Iterable[Line]) -> str | None:
    """How the surrogate of these lines must begin so that the same lines stand as before; None = no way.

    Args:
        lines: of the buyer.
        claimants: all lines of their order lines.
    """
    paid_at = {line.key[:2]: line.paid_at for line in lines}
    names: dict[tuple[str, str], Key] = {line.key[:2]: line.key for line in lines}
    others = [line for line in claimants if line.key != names[line.key[:2]]]
    rivals = [line for line in others if line.paid_at == paid_at[line.key[:2]]]
    smaller = {names[rival.key[:2]][2] < rival.key[2] for rival in rivals}
    if len(smaller) > 1:
        return None
    return AFTER_ALL if smaller == {False} else BEFORE_ALL
