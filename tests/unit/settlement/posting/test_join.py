"""A poster joins its group although brokers come and go at that moment."""

from typing import Any

import pytest
from kafka.errors import KafkaConnectionError, LeaderNotAvailableError, UnknownBrokerIdError

from schemas.topics import CREDITS, REGISTRY
from services.kernel.errors import StartRefused
from services.runtime import steady_answer
from services.settlement.posting.assignment import Assignment, join


class Consumer:
    """A consumer that hears this of its brokers, one at a time; the last for ever."""

    def __init__(self, *heard: Any) -> None:
        self._heard = list(heard)
        self.subscribed: list[str] = []

    def subscribe(self, names: list[str], listener: object) -> None:
        assert listener is not None
        self.subscribed = names

    def topics(self) -> set[str]:
        said = self._heard.pop(0) if len(self._heard) > 1 else self._heard[0]
        if isinstance(said, set):
            return said
        raise said


BOTH = {CREDITS.name, REGISTRY.name, "another"}


def _join(*heard: Any) -> list[str]:
    consumer = Consumer(*heard)
    join(consumer, Assignment(consumer, None))  # type: ignore[arg-type]  # it asks the database later
    return consumer.subscribed


def test_what_passes_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_answer, "_POLL_SECONDS", 0)
    passing = KafkaConnectionError, LeaderNotAvailableError, UnknownBrokerIdError, {REGISTRY.name}
    assert _join(*passing, BOTH) == [CREDITS.name, REGISTRY.name]


def test_a_topic_that_is_missing_for_good_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_answer, "_INCOMPLETE_SECONDS", 0)
    with pytest.raises(StartRefused, match=r"topic attribution\.credits\.v1 does not exist"):
        _join({REGISTRY.name})


def test_brokers_that_stay_away_are_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_answer, "_UNSETTLED_SECONDS", 0)
    with pytest.raises(ConnectionError, match="have not settled"):
        _join(KafkaConnectionError)
