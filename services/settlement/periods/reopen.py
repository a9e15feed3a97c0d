"""Reopen the last closed month: proposed by one person, approved by another. Its next close is a new revision."""

from services.kernel.errors import InputRefused, StartRefused
from services.settlement.books.command_rows import find_command
from services.settlement.books.period_rows import lock_closes, read_closes, reopen
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import Command, CommandDraft, CommandKind
from services.settlement.domain.book.periods import PeriodClose, check_reopening, read_month


def propose_reopening(
    book: BookConnections, period: str, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """Record that somebody wants the last closed month open again; it stays closed until another login approves.

    Raises:
        InputRefused: it is not the last closed month.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        return CommandEffect({"revision": _standing(scene, period).revision})

    return execute(book, _proposal_draft(book, read_month(period), reason, command_id), rule, is_trial=is_trial)


def approve_reopening(book: BookConnections, proposal_id: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Open a month again, as another login has proposed.

    Raises:
        InputRefused: no proposal has this id, or the close that it is about does not stand.
        StartRefused: this login proposed it.
    """
    proposal = _find_proposal(book, proposal_id)
    period, revision = str(proposal.body["period"]), proposal.result["revision"]

    def rule(scene: CommandScene) -> CommandEffect:
        connection = scene.transaction.connection
        if connection.exec_driver_sql("SELECT session_user").scalar_one() == proposal.by:
            raise StartRefused(f"{proposal.by} proposed {proposal_id}: somebody else must approve it")
        close = _standing(scene, period)
        if close.revision != revision:
            raise InputRefused(f"{proposal_id} is about revision {revision} of {period}, which was reopened before")
        reopen(connection, close)
        return CommandEffect({"revision": revision})

    body = {"proposal": proposal_id, "period": period}
    return execute(book, make_draft(CommandKind.PERIOD_REOPENED, reason, body, command_id), rule)


def _proposal_draft(book: BookConnections, period: str, reason: str, command_id: str | None) -> CommandDraft:
    """The proposal; without an id it gets one of the month and the revision, so that the same words are the same."""
    if command_id is None:
        connection = book.connection()
        with connection.begin():
            revision = sum(close.period == period for close in read_closes(connection))
        command_id = f"period-reopen-proposed-{period}-{revision}"
    return make_draft(CommandKind.PERIOD_REOPEN_PROPOSED, reason, {"period": period}, command_id)


def _standing(scene: CommandScene, period: str) -> PeriodClose:
    """The close of the month, which nobody else reopens meanwhile."""
    closes = [close for close in lock_closes(scene.transaction.connection) if close.stands]
    newest = max(closes, key=lambda close: close.period, default=None)
    return check_reopening(period, newest)


def _find_proposal(book: BookConnections, proposal_id: str) -> Command:
    connection = book.connection()
    with connection.begin():
        found = find_command(connection, proposal_id)
    if found is None or found.command.kind != CommandKind.PERIOD_REOPEN_PROPOSED:
        raise InputRefused(
            f"{proposal_id} is no proposal: `koc commands list --kind period.reopen_proposed` lists them"
        )
    return found.command
