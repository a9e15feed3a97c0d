"""`koc settlement run`: wait for the books, finish what was left, plan, apply."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.kernel.errors import InputRefused
from services.kernel.time import format_rfc3339, to_micros
from services.operations.drain.positions import LivePositions
from services.operations.settle.wait import Progress, wait_for_the_books
from services.runtime.settings import settings
from services.settlement.books.retrying import retried
from services.settlement.books.run_ports import RunStore, StoredRun
from services.settlement.books.run_store import TrialTransaction
from services.settlement.commands.drafts import make_draft
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.netting.settled_snapshot import settled_snapshot
from services.settlement.runs.run import RunRequest, apply_run, plan_into, plan_run

APPLIERS = 2
"""Threads that apply: one makes entries while the other waits for the database."""


NICER_THAN_POSTERS = 5
"""Priority of a run's process below theirs: a run can wait, events that come in meanwhile should not."""


class SettledRun(NamedTuple):
    """What came of the command; `is_new` is False where the same run had been done before."""

    run: StoredRun
    is_new: bool


def draft_of(as_of: int, run_id: str | None, reason: str) -> CommandDraft:
    """The command of a run; its id is the run's.

    Raises:
        InputRefused: the moment is still to come, or the id or the reason is not as it must be.
    """
    if as_of > to_micros(datetime.now(UTC)):
        raise InputRefused(f"{format_rfc3339(as_of)} is still to come: a run settles what is due by now or earlier")
    text = format_rfc3339(as_of)
    return make_draft(CommandKind.SETTLEMENT_RUN, reason, {"as_of": text}, run_id or f"run-{text}")


def settle(store: RunStore, draft: CommandDraft, as_of: int, wait_seconds: float, say: Progress) -> SettledRun:
    """Carry the run out, under RUN; a run that another process left is finished first.

    Raises:
        Stalled: the books do not come to where the logs were.
        StartRefused: somebody else holds RUN.
    """
    with LivePositions() as positions:
        wait_for_the_books(positions, wait_seconds, lambda line: say(f"waiting: {line}"))
    with store.lock(draft.kind):
        finish_left_run(store, say)
        if known := store.find(draft):
            return SettledRun(known, is_new=False)
        run = plan_run(store, RunRequest(draft, as_of), say)
        _apply(store, run, say)
        return SettledRun(run, is_new=True)


def try_out(store: RunStore, draft: CommandDraft, as_of: int, wait_seconds: float, say: Progress) -> StoredRun:
    """The plan that the run would have, of the books as they are; nothing is stored."""
    with LivePositions() as positions:
        wait_for_the_books(positions, wait_seconds, lambda line: say(f"waiting: {line}"))
    with settled_snapshot(store.snapshot, say) as snapshot:
        return plan_into(snapshot, TrialTransaction(), RunRequest(draft, as_of), say)


def finish_left_run(store: RunStore, say: Progress) -> None:
    """Finish the run that another process left, if there is one, under RUN."""
    if left := store.unfinished():
        say(f"finishing run {left.id}, which another process left")
        _apply(store, left, say)


def _apply(store: RunStore, run: StoredRun, say: Progress) -> None:
    zone_minutes = settings().settlement_zone_minutes

    def attempt(transaction: Callable[[], Any]) -> Any:
        store.check_lock()
        return retried(transaction)

    apply_run(store, run, zone_minutes, say, attempt, APPLIERS)
