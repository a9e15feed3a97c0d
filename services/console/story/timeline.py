"""Touches on a line of time that ends with the payment: where each mark stands, so that none hides another.

The scale is logarithmic in the time before the payment: minutes and days both stay readable.
"""

from collections import Counter
from collections.abc import Sequence
from math import log1p
from typing import NamedTuple

from services.kernel.sentences import Sentence
from services.kernel.time import DAY, HOUR, MINUTE, SECOND
from services.operations.explain.sources import ConsideredTouch, ExplainableAssertion

CREDITED = "credited"
_SHORTEST_UNIT, _LONGEST_UNIT = SECOND, 10 * MINUTE
"""Times much shorter than the unit stand close together; it follows the oldest touch between these two."""

_START, _END, _DECLARED = 4.0, 95.0, 94.0
_END_WITH_DECLARED = 84.0
_GAP = 6.8
"""Percent of the width that a mark needs: its diameter on a phone."""

_LANES = 5
_LANE_HEIGHT, _TOP = 26, 16
_TICKS = (
    (3 * DAY, Sentence("{days} d", days=3)), (DAY, Sentence("{days} d", days=1)),
    (6 * HOUR, Sentence("{hours} h", hours=6)), (HOUR, Sentence("{hours} h", hours=1)),
    (10 * MINUTE, Sentence("{minutes} min", minutes=10)), (MINUTE, Sentence("{minutes} min", minutes=1)),
)  # fmt: skip
_TICK_GAP, _PAYMENT_GAP = 9.5, 15.0
"""Percent of the width that the words of a tick need on a phone, and that the word for the payment needs."""


class NumberedTouch(NamedTuple):
    """A candidate with its number on the line of time and in the table: 1 is what is nearest to the payment."""

    number: int
    touch: ConsideredTouch

    @property
    def is_credited(self) -> bool:
        """Whether a credit follows from it."""
        return self.touch.verdict == CREDITED


class TouchMark(NamedTuple):
    """A mark: its number, its place (`x` in percent, `y` in pixels), and what is said of it."""

    number: int
    x: str
    y: int
    is_credited: bool
    is_declared: bool
    content_id: str
    koc_id: str


class TouchCluster(NamedTuple):
    """Touches for which no room is left at a place: how many."""

    x: str
    y: int
    left_over: int


class TimeTick(NamedTuple):
    """A time before the payment, and where it stands."""

    x: str
    text: str


class Timeline(NamedTuple):
    """A picture. `axis_y` and `height` are pixels, `window_x` and `paid_x` percent.

    Attributes:
        window_x: where the time begins in which a touch may be a candidate.
        paid_x: the payment.
        has_declared: whether marks stand right of the payment: declarations have no time.
    """

    marks: Sequence[TouchMark]
    clusters: Sequence[TouchCluster]
    ticks: Sequence[TimeTick]
    window_x: str
    paid_x: str
    has_declared: bool
    axis_y: int
    height: int


def numbered(told: ExplainableAssertion) -> list[NumberedTouch]:
    """All candidates: declarations, then from the payment backwards; of equal moments the greater name first."""
    by_name = sorted(told.considered, key=lambda one: one.touch_id or "", reverse=True)
    ordered = sorted(by_name, key=lambda one: (one.touched_at is not None, -(one.touched_at or 0)))
    return [NumberedTouch(number, touch) for number, touch in enumerate(ordered, 1)]


def timeline(told: ExplainableAssertion, window: int) -> Timeline | None:
    """The picture of a line's candidates; None where there are none.

    Args:
        told: the line.
        window: microseconds before the payment in which a touch may be a candidate.
    """
    touches = numbered(told)
    if not touches:
        return None
    has_declared = any(one.touch.touched_at is None for one in touches)
    end = _END_WITH_DECLARED if has_declared else _END
    ages = [told.paid_at - one.touch.touched_at for one in touches if one.touch.touched_at is not None]
    scale = _Scale(end, window, max(ages, default=0))
    places = {one.number: scale.of_touch(told, one.touch) for one in touches}
    lanes, left_over = _lanes(touches, places)
    used = max(lanes.values(), default=0) + (2 if left_over else 1)
    axis = _TOP + used * _LANE_HEIGHT
    return Timeline(
        [_mark(one, places[one.number], axis, lanes[one.number]) for one in touches if one.number in lanes],
        [TouchCluster(_percent(x), axis - _LANES * _LANE_HEIGHT - 14, count) for x, count in sorted(left_over.items())],
        _ticks(scale, window),
        _percent(scale.of_age(window)),
        _percent(end),
        has_declared,
        axis,
        axis + 30,
    )


class _Scale:
    """Where a time before the payment stands.

    Args:
        end: percent at which the payment stands.
        window: in which a touch may be a candidate.
        oldest: age of the oldest touch; the longer of the two stands at the left edge.
    """

    def __init__(self, end: float, window: int, oldest: int) -> None:
        self._end = end
        self._unit = min(_LONGEST_UNIT, max(_SHORTEST_UNIT, oldest // 60))
        self._longest = log1p(max(window, oldest) / self._unit)

    def of_age(self, age: int) -> float:
        """Percent of the width."""
        return self._end - (self._end - _START) * log1p(max(0, age) / self._unit) / self._longest

    def of_touch(self, told: ExplainableAssertion, touch: ConsideredTouch) -> float:
        """Percent of the width; a declaration stands right of the payment."""
        return _DECLARED if touch.touched_at is None else self.of_age(told.paid_at - touch.touched_at)


def _ticks(scale: _Scale, window: int) -> list[TimeTick]:
    """The edge of the window, the payment, and between them what has room."""
    end = scale.of_age(0)
    ticks = [TimeTick(_percent(scale.of_age(window)), Sentence("{days} d", days=window // DAY))]
    last = scale.of_age(window)
    for age, text in _TICKS:
        x = scale.of_age(age)
        if age < window and x - last >= _TICK_GAP and end - x >= _PAYMENT_GAP:
            ticks.append(TimeTick(_percent(x), text))
            last = x
    return [*ticks, TimeTick(_percent(end), Sentence("payment"))]


def _lanes(touches: Sequence[NumberedTouch], places: dict[int, float]) -> tuple[dict[int, int], Counter[float]]:
    """The lane of each mark, credited ones lowest; and how many find no lane, by place."""
    taken: list[list[float]] = [[] for _ in range(_LANES)]
    lanes: dict[int, int] = {}
    left_over: Counter[float] = Counter()
    for one in sorted(touches, key=lambda one: (not one.is_credited, one.number)):
        x = places[one.number]
        free = (lane for lane, others in enumerate(taken) if all(abs(x - other) >= _GAP for other in others))
        lane = next(free, None)
        if lane is None:
            left_over[min(taken[-1], key=lambda other: abs(x - other))] += 1
        else:
            lanes[one.number] = lane
            taken[lane].append(x)
    return lanes, left_over


def _mark(one: NumberedTouch, x: float, axis: int, lane: int) -> TouchMark:
    touch = one.touch
    is_declared = touch.touched_at is None
    y = axis - lane * _LANE_HEIGHT - 14
    return TouchMark(one.number, _percent(x), y, one.is_credited, is_declared, touch.content_id, touch.koc_id)


def _percent(x: float) -> str:
    return f"{x:.2f}%"
