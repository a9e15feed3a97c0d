"""Approve a batch of payouts, by somebody else than who proposed it; only then it may be exported."""

from services.kernel.errors import InputRefused, StartRefused
from services.kernel.sentences import Sentence
from services.settlement.books.payout_changes import approve_batch
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.books.payout_reads import known_batch, payouts_of
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.paying.payouts import INSTRUCTED
from services.settlement.payouts.tally import sums_of


def approve(book: BookConnections, batch_id: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Approve what another login has proposed, as it stands: without payouts that were cancelled since.

    Raises:
        InputRefused: no batch has this id, it is approved or cancelled, or it pays nobody.
        StartRefused: this login proposed it.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        connection = scene.transaction.connection
        batch = known_batch(connection, batch_id)
        if batch.status != "proposed":
            raise InputRefused(_decided_before(batch))
        if connection.exec_driver_sql("SELECT session_user").scalar_one() == batch.by:
            raise StartRefused(
                Sentence("{who} proposed {batch}: somebody else must approve it", who=batch.by, batch=batch_id)
            )
        payouts = [one for one in payouts_of(connection, batch_id) if one.status == INSTRUCTED]
        if not payouts:
            raise InputRefused(Sentence("{batch} pays nobody, so there is nothing to approve", batch=batch_id))
        approve_batch(connection, batch_id)
        return CommandEffect({**sums_of(payouts), "plan_sha256": batch.plan_sha256.hex()})

    return execute(book, make_draft(CommandKind.PAYOUT_APPROVED, reason, {"batch": batch_id}, command_id), rule)


def _decided_before(batch: StoredBatch) -> str:
    """Why a batch that is approved or cancelled cannot be approved."""
    status = Sentence(batch.status)
    if not batch.approved_by:
        return Sentence("{batch} is {status}: only a proposed batch can be approved", batch=batch.id, status=status)
    return Sentence(
        "{batch} is {status} by {who}: only a proposed batch can be approved",
        batch=batch.id,
        status=status,
        who=batch.approved_by,
    )
