"""When everything has arrived: the rule, on positions that a test writes down."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import pytest

from services.operations.drain import drain as module
from services.operations.drain.drain import LogDistance, LogPlace, NotDrained, ReaderPositions, drain, missing, sentence

CLICKS, CREDITS = ("clicks", 3), ("credits", 3)


class Written:
    """Positions as they are at each call; the last stay as they are."""

    def __init__(self, ends: Sequence[Mapping[LogPlace, int]], reached: Sequence[ReaderPositions | Exception]) -> None:
        self._ends = follow(ends)
        self._reached = follow(reached)

    def ends(self) -> Mapping[LogPlace, int]:
        return next(self._ends)

    def reached(self) -> ReaderPositions:
        answer = next(self._reached)
        if isinstance(answer, Exception):
            raise answer
        return answer


def follow(answers: Sequence[Any]) -> Iterator[Any]:
    return chain(answers, repeat(answers[-1]))


def at(clicks: int, credits_read: int, jobs: int = 0, unpublished: int = 0) -> ReaderPositions:
    return ReaderPositions({CLICKS: clicks, CREDITS: credits_read}, {3: jobs}, {12: unpublished})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)


def test_what_has_reached_its_end_is_drained() -> None:
    ends = {CLICKS: 5, CREDITS: 2}
    assert drain(Written([ends], [at(5, 2)]), 0, print).ends == ends


def test_an_end_that_moved_meanwhile_is_held_against_again() -> None:
    """A rerouted event or a credit appeared between the two looks: what was read then says nothing about it."""
    later = {CLICKS: 5, CREDITS: 3}
    told: list[str] = []
    positions = Written([{CLICKS: 5, CREDITS: 2}, later], [at(5, 2), at(5, 2), at(5, 3)])
    assert drain(positions, 5, told.append).ends == later
    assert told == ["records that have just arrived", "credits: 1 behind in partition 3"]


@pytest.mark.parametrize(
    ("reached", "behind"),
    [
        (at(3, 2), LogDistance("clicks", 3, 2)),
        (at(5, 0), LogDistance("credits", 3, 2)),
        (at(5, 2, jobs=2), LogDistance("open reprice jobs", 3, 2)),
        (at(5, 2, unpublished=7), LogDistance("entries not yet published", 12, 7)),
        (ReaderPositions({CREDITS: 2}, {}, {}), LogDistance("clicks", 3, 5)),
        (ReaderPositions({CLICKS: 5, CREDITS: 2}, {}, {}, 4), LogDistance("commands not yet published", 0, 4)),
    ],
)
def test_what_is_behind_is_named_at_the_timeout(reached: ReaderPositions, behind: LogDistance) -> None:
    with pytest.raises(NotDrained, match=f"{behind.what}: {behind.missing} behind in partition") as refused:
        drain(Written([{CLICKS: 5, CREDITS: 2}], [reached]), 0, lambda _: None)
    assert refused.value.behind == [behind]


def test_a_log_that_ends_where_it_begins_needs_no_reader() -> None:
    assert missing({CLICKS: 0}, ReaderPositions({}, {}, {})) == []


def test_a_server_that_is_away_is_waited_for() -> None:
    told: list[str] = []
    positions = Written([{CLICKS: 5}], [ConnectionError("Kafka does not answer"), at(5, 0)])
    drain(positions, 5, told.append)
    assert told == ["Kafka does not answer"]


def test_a_sentence_sums_up_partitions() -> None:
    behind = [LogDistance("clicks", 0, 1_000), LogDistance("clicks", 3, 500), LogDistance("open reprice jobs", 1, 1)]
    assert sentence(behind) == ("clicks: 1,500 behind in partitions 0, 3; open reprice jobs: 1 behind in partition 1")
