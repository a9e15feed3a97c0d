"""What an order line itself has against a run, read from its row."""

from collections.abc import Sequence
from typing import Any

from services.settlement.domain.settling import candidates

FLAG_COLUMNS = "standing, vector <> joined, unpriced, set_aside, quarantined"


def in_the_way(flags: Sequence[Any]) -> str | None:
    """The first word of `domain.settling.candidates` that holds, of FLAG_COLUMNS; None = nothing that the line says."""
    standing, is_below_join, unpriced, set_aside, quarantined = flags
    reasons = (
        (not standing, candidates.NOT_STANDING),
        (is_below_join, candidates.BELOW_JOIN),
        (unpriced is not None, candidates.UNPRICED),
        (set_aside is not None, candidates.SET_ASIDE),
        (quarantined is not None, candidates.QUARANTINED),
    )
    return next((reason for holds, reason in reasons if holds), None)
