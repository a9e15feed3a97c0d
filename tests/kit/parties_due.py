"""Batches of payouts on real books: parties get money by entries of a command, and a proposal pays it out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.kernel.time import to_micros
from services.settlement.books.command_transaction import WRITER_N, operator_books
from services.settlement.books.ports import LineChange
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.payouts.approve import approve
from tests.kit.books import Books
from tests.kit.payouts import payout_name, propose


class PartyDue(NamedTuple):
    """What a party is due, and where it is paid."""

    party: str = "koc:k_7"
    amount_minor: int = 2520
    rail: str = "bank"
    ref: str = "ref_k_7"
    currency: str = "CNY"


def propose_for(books: Books, batch: str, dues: Sequence[PartyDue]) -> list[str]:
    """A proposed batch that pays these parties, each in one currency; the ids of its payouts."""
    _owe(batch, dues)
    books.register(*(_payee_set(f"{batch}-{number}", due) for number, due in enumerate(dues)))
    stored = propose(books, to_micros(datetime.now(UTC)), batch)
    assert stored.status == "proposed"
    return [payout_name(batch, due.party, due.currency) for due in dues]


def approve_batch(batch: str) -> None:
    """Approve it by the second login."""
    with operator_books("approver") as book:
        approve(book, batch, "a test", None)


def instruct(books: Books, batch: str, *dues: PartyDue) -> list[str]:
    """An approved batch; the ids of its payouts."""
    ids = propose_for(books, batch, dues or [PartyDue()])
    approve_batch(batch)
    return ids


def _owe(batch: str, dues: Sequence[PartyDue]) -> None:
    """Give each party what it is due, at the cost of a brand."""

    def rule(scene: CommandScene) -> CommandEffect:
        posted = []
        for due in dues:
            legs = {"brand:br_2:receivable": due.amount_minor, f"{due.party}:payable": -due.amount_minor}
            draft = EntryDraft(Kind.ADJUSTMENT_POSTED, f"{due.party}|{due.currency}", "a test", scene.time.now, legs)
            posted += scene.builder.build(WRITER_N, f"command|{scene.draft.id}", [draft], due.currency, None)
        return CommandEffect({}, [LineChange(posted)])

    with operator_books() as book:
        execute(book, make_draft(CommandKind.BRAND_PAID, "a test", {"batch": batch}, f"{batch}-due"), rule)


def _payee_set(event_id: str, due: PartyDue) -> dict[str, Any]:
    return {
        "event_id": event_id, "event_type": "payee.set", "occurred_at": "2026-10-20T00:00:00Z", "owner": due.party,
        "rail": due.rail, "ref": due.ref,
    }  # fmt: skip
