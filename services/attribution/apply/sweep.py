"""The sweep: forget the stale parts of buyers that no longer change, a few buyers at every checkpoint.

A buyer that changes loses its stale parts when it is written. The sweep goes round all stored buyers, in the order of
their ids, in steps of bounded work. After a whole round it rests until another day's worth of state has become stale.
All uses of state compare times, so that the position of the sweep never changes a result.
"""

from collections.abc import Callable, Container, Iterator
from itertools import islice

from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import ForgottenParts, Retention, forget
from services.kernel.time import DAY

BUYERS_PER_STEP = 25
"""Stored buyers per checkpoint: they take less than a millisecond, and a million buyers take half a day."""


class Sweep:
    """The position of the sweep of one partition.

    Args:
        stored: gives the stored buyers whose id is greater than a given id, ascending.
        after: the id of the last swept buyer, "" before a round; a checkpoint stores it.
    """

    def __init__(self, stored: Callable[[str], Iterator[tuple[str, Buyer]]], after: str) -> None:
        self.after = after
        self._stored = stored
        self._round: tuple[int, int] | None = None
        self._rests: tuple[int, int] | None = None

    def step(self, since: Retention, changed: Container[str]) -> list[tuple[str, Buyer, ForgottenParts]]:
        """Trim a few stored buyers. Returns the trimmed ones: id, the buyer that is left, the forgotten parts.

        Args:
            changed: buyers that differ from their stored rows; the sweep leaves them alone.
        """
        today = (since.orders_from // DAY, since.touches_from // DAY)
        if today == self._rests:
            return []
        if not self.after:
            self._round = today
        looked_at = list(islice(self._stored(self.after), BUYERS_PER_STEP))
        if len(looked_at) == BUYERS_PER_STEP:
            self.after = looked_at[-1][0]
        else:
            self.after, self._rests = "", self._round
        unchanged = [(i, buyer) for i, buyer in looked_at if i not in changed]
        return [(i, buyer, forgotten) for i, buyer in unchanged if (forgotten := forget(buyer, since))]
