"""Models: how the touches that compete for a line share it, as integer shares of any common denominator."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.attribution.domain.facts import Touch
from services.attribution.domain.verdicts import Verdict

Shares = Callable[[Sequence[Touch]], Sequence[int]]
"""Touches by (occurred_at, event_id) ascending, at least one -> a share for each."""


class Model(NamedTuple):
    """A model, and the word for a touch that competed and got no share."""

    shares: Shares
    loser: Verdict


def _last_click(touches: Sequence[Touch]) -> Sequence[int]:
    """All to the last."""
    return [0] * (len(touches) - 1) + [1]


MODELS: dict[str, Model] = {"last_click": Model(_last_click, Verdict.NOT_LAST)}
