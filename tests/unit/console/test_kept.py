"""A reading made beside the pages: who waits for it, what stays of one that failed, and when it is made anew."""

import threading
import time

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from services.console.kept import KeptReading
from services.kernel.errors import StartRefused
from tests.kit.waiting import until


class Reader:
    """Gives 1, 2, 3 … when it is let go; fails where it is told to."""

    def __init__(self) -> None:
        self.go, self.times, self.problem = threading.Event(), 0, None

    def __call__(self) -> int:
        assert self.go.wait(60)
        if self.problem is not None:
            raise self.problem
        self.times += 1
        return self.times


def test_nobody_waits_for_longer_than_he_wants_and_only_one_reading_is_made_at_a_time() -> None:
    reader = Reader()
    kept = KeptReading(reader, 60)
    began = time.monotonic()
    assert kept.look(0.05).value is None
    assert kept.look().value is None
    assert time.monotonic() - began < 30
    reader.go.set()
    until(lambda: kept.look().value == 1, "the reading")
    assert kept.look().value == 1
    assert reader.times == 1


def test_a_reading_that_comes_soon_is_waited_for() -> None:
    reader = Reader()
    reader.go.set()
    found = KeptReading(reader, 60).look(10)
    assert (found.value, found.problem) == (1, None)
    assert found.as_of > 0


def test_what_is_forgotten_is_not_told_until_it_is_read_anew() -> None:
    """The list of refused events offered again what had just been sent."""
    reader = Reader()
    reader.go.set()
    kept = KeptReading(reader, 60)
    kept.look(10)
    reader.go.clear()
    kept.forget()
    assert kept.look() == (None, 0, None)
    reader.go.set()
    until(lambda: kept.look().value == 2, "the newer reading")


def test_what_changes_during_a_reading_is_read_once_more() -> None:
    reader = Reader()
    kept = KeptReading(reader, 600)
    kept.look()
    kept.forget()
    reader.go.set()
    until(lambda: reader.times == 1, "the reading that may have missed the change")
    assert kept.look().value != 1
    until(lambda: kept.look().value == 2, "the reading that begins after the change", 20)
    assert kept.look(0.05).value == 2
    assert reader.times == 2


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_value_that_nobody_has_looked_at_for_long_is_not_told() -> None:
    reader, clock = Reader(), Clock()
    reader.go.set()
    kept = KeptReading(reader, 3, clock=clock)
    assert kept.look(10).value == 1
    reader.go.clear()
    clock.now += 30
    assert kept.look().value == 1, "it is read anew beside the page"
    reader.go.set()
    until(lambda: kept.look().value == 2, "the newer reading")
    reader.go.clear()
    clock.now += 3 * 86_400  # from Friday to Monday
    assert kept.look() == (None, 0, None)
    reader.go.set()
    assert kept.look(10).value == 3


def test_a_problem_that_nobody_has_looked_at_for_long_is_not_told() -> None:
    reader, clock = Reader(), Clock()
    reader.go.set()
    kept = KeptReading(reader, 3, clock=clock)
    kept.look(10)
    reader.problem = ConnectionError("no Kafka broker answers")
    clock.now += 5
    until(lambda: kept.look().problem, "the problem")
    clock.now += 3 * 86_400
    reader.go.clear()
    assert kept.look() == (None, 0, None)
    reader.go.set()
    until(lambda: kept.look().problem, "the problem of now")
    assert kept.look().value == 1, "what was known is told with the problem and its moment"


@pytest.mark.parametrize(
    "away", [OperationalError("SELECT", {}, Exception("gone")), psycopg.OperationalError("the connection is lost")]
)
def test_a_database_that_is_away_is_a_sentence(away) -> None:
    reader = Reader()
    reader.go.set()
    reader.problem = away
    kept = KeptReading(reader, 60)
    until(lambda: kept.look().problem == "The database does not answer.", "the problem")


def test_a_reading_that_fails_says_why_and_leaves_the_last_value() -> None:
    reader = Reader()
    reader.go.set()
    kept = KeptReading(reader, 0)
    kept.look(10)
    reader.problem = ConnectionError("no Kafka broker answers")
    until(lambda: kept.look().problem == "no Kafka broker answers", "the problem")
    assert kept.look().value is not None
    reader.problem = StartRefused("topic x does not exist")
    until(lambda: kept.look().problem == "topic x does not exist", "the other problem")
    reader.problem = ValueError("a secret of the code")
    until(lambda: "log of the console" in (kept.look().problem or ""), "a problem that is not told")
    reader.problem = None
    until(lambda: kept.look().problem is None, "the end of the problem")
