"""The sweep: buyers who no longer change are forgotten too, a few of them at every checkpoint.

Those who change are forgotten as they are written. Of all others the sweep goes round, by the order of their ids, in
steps of bounded work; after a whole round it rests until a day's worth of things may go. Every use of state tests its
predicate, so it never shows where the sweep stands.
"""

from collections.abc import Callable, Container, Iterator
from itertools import islice

from services.attribution.domain.buyer import Buyer
from services.attribution.domain.forgetting import ForgottenParts, Retention, forget
from services.kernel.time import DAY

BUYERS_PER_STEP = 25
"""Stored buyers that a checkpoint looks at: less than a millisecond; a million of them are seen in half a day."""


class Sweep:
    """Where the sweep of one partition stands.

    Args:
        stored: the stored buyers whose id is greater than a given one, ascending.
        after: the buyer that was looked at last, "" before a round; a checkpoint keeps it.
    """

    def __init__(self, stored: Callable[[str], Iterator[tuple[str, Buyer]]], after: str) -> None:
        self.after = after
        self._stored = stored
        self._round: tuple[int, int] | None = None
        self._rests: tuple[int, int] | None = None

    def step(self, since: Retention, changed: Container[str]) -> list[tuple[str, Buyer, ForgottenParts]]:
        """Look at a few stored buyers; returns those of whom something went: what is left of them, and what went.

        `note` are the buyers that are not as they are stored: they are none of the sweep's business.
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
        return [(i, buyer, gone) for i, buyer in unchanged if (gone := forget(buyer, since))]
