"""Cancel payouts before they are exported: their money is payable again, as if they had never been."""

from collections.abc import Sequence

from services.kernel.errors import InputRefused
from services.kernel.sentences import Sentence
from services.settlement.books.command_transaction import WRITER_N
from services.settlement.books.payout_changes import cancel_batch, cancel_payouts
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_reads import is_exported, known_batch, later_payout, payouts_of
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.paying.payouts import INSTRUCTED, cancellation_rows
from services.settlement.domain.settling.transfers import Occasion
from services.settlement.payouts.tally import sums_of


def cancel(
    book: BookConnections, batch_id: str, payout: str | None, reason: str, command_id: str | None
) -> CommandOutcome:
    """Cancel a whole batch, or one payout of it. A batch without payouts left is cancelled too.

    What the batch netted stays: it is where each party's money belongs.

    Raises:
        InputRefused: there is no such batch or payout; it is cancelled or exported; the party has a later payout,
            which covers what came after this one and so must be cancelled first.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        connection = scene.transaction.connection
        batch = known_batch(connection, batch_id)
        left = [one for one in payouts_of(connection, batch_id) if one.status == INSTRUCTED]
        wanted = left if payout is None else [one for one in left if one.id == payout]
        _check(scene, batch, wanted, payout)
        occasion = Occasion(f"command {scene.draft.id}", scene.time.now)
        entries = [
            entry
            for one in wanted
            for entry in scene.builder.build(
                WRITER_N, f"payout|{one.id}", cancellation_rows(one.plan, occasion), one.plan.currency, None
            )
        ]
        cancel_payouts(connection, [one.id for one in wanted])
        if len(wanted) == len(left):
            cancel_batch(connection, batch_id)
        return CommandEffect(sums_of(wanted), [LineChange(entries)])

    body = {"batch": batch_id, "payout": payout}
    return execute(book, make_draft(CommandKind.PAYOUT_CANCELLED, reason, body, command_id), rule)


def _check(scene: CommandScene, batch: StoredBatch, wanted: Sequence[StoredPayout], payout: str | None) -> None:
    """Refuse what cannot be cancelled."""
    connection = scene.transaction.connection
    if batch.status == "cancelled":
        raise InputRefused(Sentence("{batch} is cancelled already", batch=batch.id))
    if is_exported(connection, batch.id):
        raise InputRefused(
            Sentence(
                "{batch} was exported, so the bank may have paid it: only the bank's reply can end its payouts",
                batch=batch.id,
            )
        )
    if payout is not None and not wanted:
        raise InputRefused(
            Sentence(
                "{batch} has no open payout {payout}: `koc payout show {batch}` lists its payouts",
                batch=batch.id,
                payout=payout,
            )
        )
    if later := later_payout(connection, [one.id for one in wanted]):
        raise InputRefused(
            Sentence(
                "payout {payout} of batch {batch} pays one of these parties what came later: cancel that one first",
                payout=later[0],
                batch=later[1],
            )
        )
