"""Release what is held for a payout that came back: the next net makes it payable again."""

from services.kernel.errors import InputRefused
from services.kernel.sentences import Sentence
from services.settlement.books.payout_changes import release_payout
from services.settlement.books.payout_reads import known_payout
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.paying.payouts import REFUSED
from services.settlement.payouts.tally import sums_of


def release(book: BookConnections, payout_id: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Release a refused payout. Its id is never paid: the money goes out in a new payout.

    Raises:
        InputRefused: no payout has this id, or nothing is held for it.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        payout = known_payout(scene.transaction.connection, payout_id)
        if payout.status not in REFUSED:
            raise InputRefused(
                Sentence(
                    "payout {payout} is {status}: only one that came back is held",
                    payout=payout_id,
                    status=Sentence(payout.status),
                )
            )
        if not payout.is_refused:
            raise InputRefused(Sentence("payout {payout} was released before", payout=payout_id))
        release_payout(scene.transaction.connection, payout_id)
        return CommandEffect(sums_of([payout]))

    return execute(book, make_draft(CommandKind.PAYOUT_RELEASED, reason, {"payout": payout_id}, command_id), rule)
