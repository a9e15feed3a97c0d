"""What a run waits for before it begins: the books, not the ledger topic; and how it ends when they do not come."""

from collections.abc import Mapping

import pytest

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.kernel.errors import Stalled
from services.operations.drain.drain import LogPlace, ReaderPositions
from services.operations.settle import wait as module
from services.operations.settle.wait import wait_for_the_books

ENDS: dict[LogPlace, int] = {(topic.name, 0): 4 for topic in (CLICKS, ORDERS, CREDITS, REGISTRY)}


class Standing:
    """Positions that never move."""

    def __init__(self, reached: ReaderPositions) -> None:
        self._reached = reached

    def ends(self) -> Mapping[LogPlace, int]:
        return ENDS

    def reached(self) -> ReaderPositions:
        return self._reached


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)


def test_books_that_know_everything_are_not_waited_for_though_entries_and_commands_are_unpublished() -> None:
    """A run waited for the relay to publish the commands before it."""
    told: list[str] = []
    wait_for_the_books(Standing(ReaderPositions(ENDS, {}, {3: 7}, 2)), 0, told.append)
    assert told == []


@pytest.mark.parametrize(
    ("reached", "named"),
    [
        (ReaderPositions({**ENDS, (CLICKS.name, 0): 1}, {}, {}), "commerce.clicks.v1: 3 behind in partition 0"),
        (ReaderPositions({**ENDS, (CREDITS.name, 0): 3}, {}, {}), "attribution.credits.v1: 1 behind in partition 0"),
        (ReaderPositions({**ENDS, (REGISTRY.name, 0): 2}, {}, {}), "commerce.registry.v1: 2 behind in partition 0"),
        (ReaderPositions(ENDS, {0: 2}, {}), "open reprice jobs: 2 behind in partition 0"),
    ],
)
def test_a_run_whose_books_stay_behind_ends_as_stalled_and_says_what_for(reached: ReaderPositions, named: str) -> None:
    """It ended with status 74, as if a file could not be read."""
    told: list[str] = []
    with pytest.raises(Stalled, match=f"nothing was settled: after 0 s the books still wait for {named}"):
        wait_for_the_books(Standing(reached), 0, told.append)
    assert told == [named]
