"""Settlement runs on books in PostgreSQL, without Kafka between; settings() must lead to the database."""

from collections.abc import Callable
from typing import Any

from services.settlement.books.run_ports import StoredRun
from services.settlement.books.run_store import run_store
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.runs.run import RunRequest, apply_run, plan_run
from tests.kit.book_driver import ZONE_MINUTES


def draft_of(run_id: str) -> CommandDraft:
    """The command of a run."""
    return CommandDraft(run_id, CommandKind.SETTLEMENT_RUN, "a test", {})


def plan(as_of: int, run_id: str = "run-1") -> StoredRun:
    """Plan a run and leave it planned."""
    with run_store() as store:
        return plan_run(store, RunRequest(draft_of(run_id), as_of), _say_nothing)


def finish() -> StoredRun:
    """Apply the run that is planned and not done, from wherever it is, to its end."""
    with run_store() as store:
        run = store.unfinished()
        assert run is not None
        apply_run(store, run, ZONE_MINUTES, _say_nothing, _once)
        return run


def _say_nothing(_line: str) -> None:
    pass


def _once(attempt: Callable[[], Any]) -> Any:
    return attempt()
