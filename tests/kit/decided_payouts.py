"""Payouts from proposal to reply on books in PostgreSQL, by the two people of the stack; settings() lead to them."""

import hashlib
from collections.abc import Iterable

from services.kernel.time import format_rfc3339
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.books.payout_store import payout_store
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.book_replies import BookedReply, book_replies
from services.settlement.payment_files.read_reply import BankReply, ReplyForm
from services.settlement.payouts import approve as approving
from services.settlement.payouts import cancel as cancelling
from services.settlement.payouts import release as releasing
from services.settlement.payouts.propose import ProposalRequest, propose_batch
from tests.kit.book_driver import ZONE_MINUTES

Answer = tuple[str, str, int | None, int]
"""Payout, outcome, amount and fee in minor units."""


def propose(batch: str, as_of: int) -> StoredBatch:
    """Propose payouts as of a moment, microseconds."""
    draft = CommandDraft(batch, CommandKind.PAYOUT_PROPOSED, "a test", {"as_of": format_rfc3339(as_of)})
    with payout_store() as store, store.lock("a test"):
        return propose_batch(store, ProposalRequest(draft, as_of, ZONE_MINUTES), lambda _line: None)


def approve(batch: str) -> None:
    """By the second person."""
    with operator_books("approver") as book:
        approving.approve(book, batch, "a test", None)


def cancel(batch: str, payout: str | None = None) -> None:
    """A batch, or one payout of it."""
    with operator_books() as book:
        cancelling.cancel(book, batch, payout, "a test", None)


def release(payout: str) -> None:
    """Let go of what is held for a payout that came back."""
    with operator_books() as book:
        releasing.release(book, payout, "a test", None)


def reply(file: str, answers: Iterable[Answer], currency: str = "CNY") -> BookedReply:
    """A bank's file; the same name is the same file."""
    rows = [ReplyRow(name, PayoutOutcome(what), minor, currency, "ref", fee) for name, what, minor, fee in answers]
    with operator_books() as book:
        return book_replies(book, BankReply(hashlib.sha256(file.encode()).hexdigest(), ReplyForm.CSV, rows, 0))
