"""A transaction is tried again after what passes, and after nothing else."""

from collections.abc import Iterator

import psycopg
import pytest
import stamina
from prometheus_client import generate_latest
from psycopg import errors

from services.settlement.books.retrying import retried


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def test_what_passes_is_tried_again_and_each_failure_is_told() -> None:
    failures = iter((psycopg.OperationalError(), errors.DeadlockDetected(), errors.TransactionTimeout()))
    causes: list[str] = []

    def attempt() -> str:
        for failure in failures:
            raise failure
        return "done"

    assert retried(attempt, causes.append) == "done"
    assert causes == ["connection", "deadlock", "timeout"]


def test_another_failure_is_told_to_the_caller_at_once() -> None:
    causes: list[str] = []

    def attempt() -> None:
        causes.append("tried")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        retried(attempt, causes.append)
    assert causes == ["tried"]


def test_a_retry_is_counted_by_our_metrics_alone(capsys: pytest.CaptureFixture[str]) -> None:
    failures = iter((psycopg.OperationalError(),))

    def attempt() -> None:
        for failure in failures:
            raise failure

    retried(attempt)
    assert b"stamina" not in generate_latest()
    assert "stamina" not in "".join(capsys.readouterr())
