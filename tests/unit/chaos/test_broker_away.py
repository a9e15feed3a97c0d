"""A broker that a fault took away comes back in its time: until then a run of chaos asks again."""

import pytest
from kafka.errors import RequestTimedOutError

from services.runtime import kafka
from tests.chaos import drive
from tests.kit.command import NOWHERE
from tests.kit.stacks import with_environment


def test_while_nobody_listens_nothing_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "BOOTSTRAP_MS", 100)
    with with_environment(NOWHERE):
        assert not drive._settled()
        assert drive._behind() == "?"


def test_while_a_broker_has_no_answer_yet_nothing_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(_topics: object) -> dict[tuple[str, int], int]:
        if answers:
            return answers.pop()
        raise RequestTimedOutError

    answers: list[dict[tuple[str, int], int]] = [{}]
    monkeypatch.setattr(drive, "log_ends", ends)
    monkeypatch.setattr(drive, "lag", lambda: 0)
    assert not drive._settled()
    assert answers == []
    answers += [{}, {}]
    assert drive._settled()
