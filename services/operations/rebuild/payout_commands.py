"""Commands about payouts, once more: proposals are planned anew, replies are judged anew."""

from collections.abc import Mapping
from typing import Any

from services.kernel.time import parse_rfc3339
from services.operations.rebuild.scene import EffectByKind, RebuildScene
from services.settlement.books.payout_changes import approve_batch
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.domain.book.commands import Command, CommandKind
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.book_replies import ROWS_PER_COMMAND, book_rows
from services.settlement.payouts.cancel import cancel
from services.settlement.payouts.propose import ProposalRequest, propose_batch
from services.settlement.payouts.release import release


def payout_effects(scene: RebuildScene) -> EffectByKind:
    """How commands about payouts take effect; files are not made again, for payees are in no topic."""
    book = scene.scratch.book

    def propose(command: Command) -> None:
        as_of = str(command.body["as_of"])
        scene.progress(f"planning payout batch {command.id} again, as of {as_of}")
        request = ProposalRequest(scene.draft(command), parse_rfc3339(as_of), scene.zone_minutes)
        batch = propose_batch(scene.scratch.store, request, scene.progress)
        scene.compare_proof("payout batch", command, batch.plan_sha256)
        scene.report.replayed["payout batches"] += 1

    def approve(command: Command) -> None:
        def rule(scene: CommandScene) -> CommandEffect:
            approve_batch(scene.transaction.connection, str(command.body["batch"]))
            return CommandEffect(command.result)

        execute(book, scene.draft(command), rule)

    def cancel_again(command: Command) -> None:
        body: Mapping[str, Any] = command.body
        cancel(book, body["batch"], body["payout"], command.reason, command.id)

    def reply(command: Command) -> None:
        body: Mapping[str, Any] = command.body
        rows = [ReplyRow(row[0], PayoutOutcome(row[1]), *row[2:]) for row in body["rows"]]
        first = (body["part"] - 1) * ROWS_PER_COMMAND
        outcome = book_rows(book, scene.draft(command), first, rows)
        if (stored := command.result.get("booked")) != outcome.result["booked"]:
            scene.report.differ("reply", f"command {command.id}, rows booked", stored, outcome.result["booked"])

    def release_again(command: Command) -> None:
        release(book, str(command.body["payout"]), command.reason, command.id)

    return {
        CommandKind.PAYOUT_PROPOSED: propose,
        CommandKind.PAYOUT_APPROVED: approve,
        CommandKind.PAYOUT_CANCELLED: cancel_again,
        CommandKind.PAYOUT_REPLIED: reply,
        CommandKind.PAYOUT_RELEASED: release_again,
    }
