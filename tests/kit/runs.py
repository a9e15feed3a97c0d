"""Settlement runs on any books, from the plan to the end."""

from services.kernel.time import format_rfc3339
from services.settlement.books.run_ports import StoredRun
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.runs.run import RunRequest, apply_run, plan_run
from tests.kit.book_driver import ZONE_MINUTES, BookDriver


def plan(book: BookDriver, as_of: int, run_id: str = "run-1") -> StoredRun:
    """Plan a run and leave it planned."""
    with book.store.runs() as store:
        return plan_run(store, request_of(run_id, as_of), lambda _line: None)


def request_of(run_id: str, as_of: int) -> RunRequest:
    """What asks for a run."""
    body = {"as_of": format_rfc3339(as_of)}
    return RunRequest(CommandDraft(run_id, CommandKind.SETTLEMENT_RUN, "a test", body), as_of)


def apply(book: BookDriver, run: StoredRun) -> None:
    """Apply a planned run to its end."""
    with book.store.runs() as store:
        apply_run(store, run, ZONE_MINUTES, lambda _line: None, lambda attempt: attempt())


def finish(book: BookDriver) -> StoredRun:
    """Apply the run that is planned and not done, from wherever it is, to its end."""
    with book.store.runs() as store:
        run = store.unfinished()
    assert run is not None
    apply(book, run)
    return run


def settle(book: BookDriver, as_of: int, run_id: str = "run-1") -> StoredRun:
    """Carry a run out."""
    run = plan(book, as_of, run_id)
    apply(book, run)
    return run
