"""Models: how competing touches share a line, as integer shares of any common denominator."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.attribution.domain.decay import decayed_shares
from services.attribution.domain.facts import Touch
from services.attribution.domain.verdicts import Verdict

ShareRule = Callable[[Sequence[Touch]], list[int]]
"""From at least two touches, by (occurred_at, event_id) ascending, to a share for each of them, none zero."""


class SingleTouchModel(NamedTuple):
    """A model that gives the whole line to one touch.

    Attributes:
        choose: `max` or `min` of (occurred_at, event_id, …).
        loser: the verdict on a touch that competed and did not win.
    """

    choose: Callable[[list[tuple[int, str, int]]], tuple[int, str, int]]
    loser: Verdict


class SharingModel(NamedTuple):
    """A model that gives every competing touch a share, however small."""

    shares: ShareRule


def _linear(touches: Sequence[Touch]) -> list[int]:
    """The same share for each touch."""
    return [1] * len(touches)


def _position_based(touches: Sequence[Touch]) -> list[int]:
    """40 % for the first touch, 40 % for the last, 20 % for all between them; two touches get half each."""
    between = len(touches) - 2
    return [2 * between, *[1] * between, 2 * between] if between else [1, 1]


def _time_decay(touches: Sequence[Touch]) -> list[int]:
    """Half the share for every 7 d of age."""
    newest = touches[-1].occurred_at
    return decayed_shares([newest - touch.occurred_at for touch in touches])


MODELS: dict[str, SingleTouchModel | SharingModel] = {
    "last_click": SingleTouchModel(max, Verdict.NOT_LAST),
    "first_click": SingleTouchModel(min, Verdict.NOT_FIRST),
    "linear": SharingModel(_linear),
    "position_based": SharingModel(_position_based),
    "time_decay": SharingModel(_time_decay),
}
