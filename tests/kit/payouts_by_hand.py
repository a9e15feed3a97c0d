"""Batches of payouts without a proposal: parties get money by adjustments, and payouts take it; settings() lead on."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import insert, text

from services.settlement.books import payout_tables
from services.settlement.books.command_transaction import WRITER_N, operator_books
from services.settlement.books.ports import LineChange
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind


class HandPayout(NamedTuple):
    """A payout to be: what a party gets, and where."""

    party: str = "koc:k_7"
    amount_minor: int = 2520
    rail: str = "bank"
    ref: str = "ref_k_7"
    currency: str = "CNY"

    def id(self, batch: str) -> str:
        """As the bank will know it."""
        digest = hashlib.sha256(f"{batch}|{self.party}|{self.currency}".encode()).digest()
        return base64.b32encode(digest).decode()[:26]


def propose_by_hand(batch: str, payouts: Sequence[HandPayout]) -> list[str]:
    """A proposed batch with these payouts, each of another party or currency; their ids."""

    def rule(scene: CommandScene) -> CommandEffect:
        now = datetime.fromtimestamp(scene.time.now / 1e6, UTC)
        connection = scene.transaction.connection
        connection.execute(
            insert(payout_tables.payout_batch),
            {
                "id": batch, "as_of": now, "status": "proposed", "point": {}, "cut": [], "plan_sha256": bytes(32),
                "counts": {}, "by": connection.exec_driver_sql("SELECT session_user").scalar_one(), "proposed_at": now,
            },
        )  # fmt: skip
        posted = []
        for one in payouts:
            row = {
                "id": one.id(batch), "batch": batch, "party": one.party, "currency": one.currency,
                "amount_minor": one.amount_minor, "withheld_minor": 0, "rail": one.rail, "ref": one.ref,
                "status": "instructed", "entries": 0, "entries_sha256": hashlib.sha256(b"").digest(),
            }  # fmt: skip
            connection.execute(insert(payout_tables.payout), row)
            for kind, legs in (
                (Kind.ADJUSTMENT_POSTED, {"platform:fee": one.amount_minor, f"{one.party}:payable": -one.amount_minor}),
                (
                    Kind.PAYOUT_INSTRUCTED,
                    {f"{one.party}:payable": one.amount_minor, f"payout:{one.rail}:in_transit": -one.amount_minor},
                ),
            ):
                draft = EntryDraft(kind, ONLY, f"payout {one.id(batch)}", scene.time.now, legs)
                idem = f"payout|{batch}|{one.party}|{one.currency}|{kind.text}"
                posted += scene.builder.build(WRITER_N, idem, [draft], one.currency, None)
        return CommandEffect({"payouts": len(payouts)}, [LineChange(posted)])

    with operator_books() as book:
        execute(book, make_draft(CommandKind.PAYOUT_PROPOSED, "a test", {"as_of": "now"}, batch), rule)
    return [one.id(batch) for one in payouts]


def approve_by_hand(batch: str) -> None:
    """Approve a batch by the second login."""

    def rule(scene: CommandScene) -> CommandEffect:
        scene.transaction.connection.execute(
            text(
                "UPDATE payout_batch SET status = 'approved', approved_by = session_user, approved_at = now()"
                " WHERE id = :batch AND status = 'proposed'"
            ),
            {"batch": batch},
        )
        return CommandEffect({})

    with operator_books("approver") as book:
        execute(book, make_draft(CommandKind.PAYOUT_APPROVED, "a test", {"batch": batch}, f"{batch}-ok"), rule)


def instruct_by_hand(batch: str, *payouts: HandPayout) -> list[str]:
    """An approved batch; the ids of its payouts."""
    ids = propose_by_hand(batch, payouts or [HandPayout()])
    approve_by_hand(batch)
    return ids
