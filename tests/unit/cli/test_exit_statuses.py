"""Every way to end has its exit status and a sentence, and docs/operations.md says what each status means."""

import re
from pathlib import Path

import psycopg
import pytest
from kafka.errors import NotCoordinatorError
from psycopg import errors
from sqlalchemy.exc import InternalError, OperationalError

from services.cli import main
from services.kernel.errors import HistoryLost, InputRefused, InvariantBroken, PlaceTaken, Stalled, StartRefused
from services.settlement.export.file import NoOutput

PAGE = (Path(__file__).parents[3] / "docs/operations.md").read_text()
ENDS = [
    (StartRefused("the topics are missing"), 78),
    (HistoryLost("the log starts at 7"), 78),
    (PlaceTaken("worker-1"), 78),
    (InvariantBroken("two truths of one line"), 70),
    (Stalled("3 records wait and none was fetched for 15 s"), 75),
    (InputRefused("events.jsonl is empty"), 65),
    (NoOutput("the folder is not there"), 73),
    (ConnectionError("no broker answers"), main.UNAVAILABLE),
]
EXIT_STATUSES = PAGE.partition("## Exit statuses")[2].partition("\n## ")[0]


def _status_after(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit status of a command in which this was raised."""

    def end() -> None:
        raise problem

    monkeypatch.setattr(main, "koc", end)
    with pytest.raises(SystemExit) as ended:
        main.app()
    return ended.value.code


@pytest.mark.parametrize(("problem", "status"), ENDS, ids=lambda value: type(value).__name__)
def test_an_expected_end_is_a_sentence_and_its_status(
    problem: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status_after(problem, monkeypatch) == status
    told = capsys.readouterr().err
    assert told.startswith(f"koc: {problem}")
    assert len(told.splitlines()) == 1


SERVERS = [
    (OperationalError("", None, Exception()), "the database does not answer"),
    (psycopg.OperationalError(), "the database does not answer"),
    (InternalError("", None, errors.ReadOnlySqlTransaction()), "the database takes no changes now"),
    (errors.ReadOnlySqlTransaction(), "the database takes no changes now"),
    (NotCoordinatorError("moved"), "Kafka did not do what it was asked: [Error 16] NotCoordinatorError: moved"),
]
"""What libraries raise where a server is away, or is about to be replaced, and what it means."""


@pytest.mark.parametrize(("problem", "says"), SERVERS, ids=lambda value: type(value).__name__)
def test_a_server_that_is_away_or_replaced_is_a_sentence(
    problem: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status_after(problem, monkeypatch) == main.UNAVAILABLE
    assert capsys.readouterr().err.startswith(f"koc: {says}")


@pytest.mark.parametrize("status", sorted({status for _, status in ENDS} | {0, 1, 2, main.IO_ERROR}))
def test_the_page_explains_every_status(status: int) -> None:
    assert re.search(rf"^\| {status} \| ", EXIT_STATUSES, re.MULTILINE)
