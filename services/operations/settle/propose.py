"""`koc payout propose`: wait for the books, finish the run that was left, then propose payouts."""

from datetime import UTC, datetime
from typing import NamedTuple

from services.kernel.errors import InputRefused
from services.kernel.time import format_rfc3339, to_micros
from services.operations.drain.positions import LivePositions
from services.operations.settle.settle import finish_left_run
from services.operations.settle.wait import Progress, wait_for_the_books
from services.runtime.settings import settings
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.books.payout_store import PayoutBooks
from services.settlement.commands.drafts import make_draft
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.payouts.propose import BatchPlan, ProposalRequest, propose_batch, try_batch


class ProposedBatch(NamedTuple):
    """What came of the command; `is_new` is False where the same batch had been proposed before."""

    batch: StoredBatch
    is_new: bool


def proposal_draft(as_of: int, batch_id: str | None, reason: str) -> CommandDraft:
    """The command of a proposal; its id is the batch's.

    Raises:
        InputRefused: the moment is still to come, or the id or the reason is not as it must be.
    """
    text = format_rfc3339(as_of)
    if as_of > to_micros(datetime.now(UTC)):
        raise InputRefused(f"{text} is still to come: payouts are proposed as of now or earlier")
    return make_draft(CommandKind.PAYOUT_PROPOSED, reason, {"as_of": text}, batch_id or f"payout-{text}")


def propose(store: PayoutBooks, draft: CommandDraft, as_of: int, wait_seconds: float, say: Progress) -> ProposedBatch:
    """Propose payouts, under RUN; a run that another process left is finished first.

    Raises:
        Stalled: the books do not come to where the logs were.
        StartRefused: somebody else holds RUN.
    """
    _wait(wait_seconds, say)
    with store.lock(draft.kind):
        finish_left_run(store, say)
        if known := store.find_batch(draft):
            return ProposedBatch(known, is_new=False)
        return ProposedBatch(propose_batch(store, _request(draft, as_of), say), is_new=True)


def try_proposal(store: PayoutBooks, draft: CommandDraft, as_of: int, wait_seconds: float, say: Progress) -> BatchPlan:
    """The plan that the proposal would have, of the books as they are; nothing is stored."""
    _wait(wait_seconds, say)
    return try_batch(store, _request(draft, as_of), say)


def _wait(seconds: float, say: Progress) -> None:
    with LivePositions() as positions:
        wait_for_the_books(positions, seconds, lambda line: say(f"waiting: {line}"))


def _request(draft: CommandDraft, as_of: int) -> ProposalRequest:
    return ProposalRequest(draft, as_of, settings().settlement_zone_minutes)
