"""A reading made beside the pages: who waits for it, what stays of one that failed, and when it is made anew."""

import threading
import time

from services.console.kept import KeptReading
from services.kernel.errors import StartRefused
from tests.kit.waiting import until


class Reader:
    """Gives 1, 2, 3 … when it is let go; fails where it is told to."""

    def __init__(self) -> None:
        self.go, self.times, self.problem = threading.Event(), 0, None

    def __call__(self) -> int:
        assert self.go.wait(10)
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
    assert time.monotonic() - began < 5
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


def test_what_is_forgotten_is_read_anew_while_the_last_value_is_shown() -> None:
    reader = Reader()
    reader.go.set()
    kept = KeptReading(reader, 60)
    kept.look(10)
    reader.go.clear()
    kept.forget()
    assert kept.look().value == 1
    reader.go.set()
    until(lambda: kept.look().value == 2, "the newer reading")


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
