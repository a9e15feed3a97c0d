"""Payouts on any books: proposals, and replies as a bank would send them."""

import base64
import hashlib
from collections.abc import Iterable

from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.domain.paying.withholding import NO_TAX, TaxTable
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.read_reply import BankReply, ReplyForm
from services.settlement.payouts.propose import ProposalRequest, propose_batch
from tests.kit.book_driver import ZONE_MINUTES, BookDriver


def propose(book: BookDriver, as_of: int, batch: str = "p1", tax: TaxTable = NO_TAX) -> StoredBatch:
    """Propose payouts as of a moment, microseconds."""
    draft = CommandDraft(batch, CommandKind.PAYOUT_PROPOSED, "a test", {"batch": batch})
    with book.store.payouts() as store, store.lock("a test"):
        return propose_batch(store, ProposalRequest(draft, as_of, ZONE_MINUTES, tax), lambda _line: None)


def payout_name(batch: str, party: str, currency: str = "CNY") -> str:
    """The id of a payout, worked out anew."""
    digest = hashlib.sha256(f"{batch}|{party}|{currency}".encode()).digest()
    return base64.b32encode(digest)[:26].decode()


def reply_of(payouts: Iterable[StoredPayout], outcome: str, file: str) -> BankReply:
    """A bank's file about these payouts; the same name is the same file."""
    rows = [
        ReplyRow(one.id, PayoutOutcome(outcome), one.plan.amount_minor, one.plan.currency, None, 0) for one in payouts
    ]
    return BankReply(hashlib.sha256(f"{file}, {outcome}".encode()).hexdigest(), ReplyForm.CSV, rows, 0)
