"""What people do with payouts by forms: propose, approve, cancel, release, export, take a bank's reply in.

Every form brings the id of its command along, made when the form was shown: sent twice, it is done once.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import NamedTuple

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from services.console.access.people import PAYER, Person
from services.console.actions import ActionDone, action, field
from services.console.books import reading
from services.console.jobs import TellProgress
from services.console.keyset_rows import sums_text
from services.console.pages.payout_stages import seen_sums
from services.console.state import console_of
from services.console.values import path
from services.kernel.errors import InputRefused, Stalled
from services.kernel.sentences import Sentence, sentence_of
from services.kernel.time import to_micros
from services.operations.settle import propose as proposing
from services.runtime.database import Role
from services.runtime.settings import settings
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.lookups.batches import exported_files, listed_batch
from services.settlement.books.payout_store import payout_store
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.execute import CommandOutcome
from services.settlement.domain.remittance.forms import PaymentForm
from services.settlement.payment_files.book_replies import BookedReply, book_replies
from services.settlement.payment_files.export import ExportedBatch, ExportRequest, export_batch
from services.settlement.payment_files.read_reply import BankReply, ReplyForm, read_reply
from services.settlement.payouts import approve as approving
from services.settlement.payouts import cancel as cancelling
from services.settlement.payouts import release as releasing

PAYOUT_JOBS = "payouts"
"""The kind of jobs that try and propose payouts."""

TRIAL = "trial"
_WAIT_SECONDS = 300
_TURN_SECONDS = 30
_turn = Lock()
"""Decisions of this console come one after the other: the second click of two finds the first one's command recorded,
instead of RUN taken."""


class ProposalResult(NamedTuple):
    """What came of a job: a trial that nobody keeps, or a batch. `counts` are as a batch stores them."""

    batch: str
    is_trial: bool
    is_new: bool
    counts: dict[str, object]


def new_command_id(what: str) -> str:
    """The id of a command to be, for the form that is being shown."""
    return f"console-{what}-{secrets.token_hex(8)}"


def propose(request: Request, person: Person, form: FormData) -> ActionDone:
    """Begin to try or to propose payouts: the wait for the books may take minutes."""
    as_of = _moment(field(form, "as_of"))
    name = form.get("batch")
    batch = name.strip() if isinstance(name, str) and name.strip() else None
    draft = proposing.proposal_draft(as_of, batch, field(form, "reason"))
    is_trial = form.get("what") == TRIAL
    key = f"{TRIAL} {draft.id}" if is_trial else draft.id

    def work(say: TellProgress) -> ProposalResult:
        with payout_store(person.login) as store:
            if is_trial:
                plan = proposing.try_proposal(store, draft, as_of, _WAIT_SECONDS, say)
                return ProposalResult(draft.id, is_trial=True, is_new=True, counts=plan.counts())
            proposed, is_new = proposing.propose(store, draft, as_of, _WAIT_SECONDS, say)
            return ProposalResult(draft.id, is_trial=False, is_new=is_new, counts=dict(proposed.counts))

    if not is_trial:
        _check_confirmed(form)
    console_of(request).jobs.start(PAYOUT_JOBS, key, person.name, work)
    text = "The proposal is being tried: see below." if is_trial else "The payouts are being proposed: see below."
    return ActionDone(text, path("payouts"))


def approve(request: Request, person: Person, form: FormData) -> ActionDone:
    """Approve the batch that the page showed, at the sums that it showed."""
    batch = request.path_params["id"]
    _check_confirmed(form)
    with reading(request) as connection:
        found = listed_batch(connection, batch)
    if found is not None and seen_sums(found.states) != form.get("seen"):
        raise InputRefused("the payouts of this batch have changed since you saw them: compare the sums once more")
    with _books(person) as books:
        outcome = approving.approve(books, batch, field(form, "reason"), _command_id(form))
    return _done(Sentence("Approved: {what}. The next step is the export.", what=_paid(outcome)), batch)


def cancel(request: Request, person: Person, form: FormData) -> ActionDone:
    """Cancel a batch, or one payout of it."""
    batch, payout = request.path_params["id"], form.get("payout")
    _check_confirmed(form)
    one = payout if isinstance(payout, str) and payout else None
    with _books(person) as books:
        outcome = cancelling.cancel(books, batch, one, field(form, "reason"), _command_id(form))
    return _done(Sentence("Cancelled and payable again: {what}.", what=_paid(outcome)), batch, one)


def release(request: Request, person: Person, form: FormData) -> ActionDone:
    """Let go of the money of a payout that came back."""
    payout = request.path_params["id"]
    _check_confirmed(form)
    with _books(person) as books:
        outcome = releasing.release(books, payout, field(form, "reason"), _command_id(form))
    text = Sentence("Released: {what}. The next proposal pays it in a new payout.", what=_paid(outcome))
    return ActionDone(text, path("payout", payout))


def export(request: Request, person: Person, form: FormData) -> ActionDone:
    """Seal the payment files of an approved batch; each is then downloaded by itself."""
    batch = request.path_params["id"]
    _check_confirmed(form)
    wanted = form.get("form") or None
    if wanted is not None and wanted not in set(PaymentForm):
        raise InputRefused("this is no form of payment files")
    exported = _export(person, batch, None if wanted is None else PaymentForm(wanted))
    text = Sentence("Payment files exported: {count}. Download each one below.", count=len(exported.files))
    return ActionDone(text, f"{path('batch', batch)}#files")


def download(request: Request, person: Person, form: FormData) -> Response:
    """The bytes of one file, made again and held against their seal. They hold names and account numbers."""
    batch, name = request.path_params["id"], field(form, "name")
    with reading(request) as connection:
        sealed = next((file for file in exported_files(connection, batch) if file.name == name), None)
    if sealed is None:
        raise InputRefused("no file of this name was exported")
    asked = None if sealed.asked_form is None else PaymentForm(sealed.asked_form)
    file = next(one for one in _export(person, batch, asked).files if one.plan.name == name)
    headers = {"content-disposition": f'attachment; filename="{file.plan.name}"', "cache-control": "no-store"}
    return Response(file.body, 200, headers, "application/octet-stream")


def take_reply(_request: Request, person: Person, form: FormData) -> ActionDone:
    """Book a bank's reply; each row that contradicts the books is a finding, and books nothing."""
    upload, wanted = form.get("file"), form.get("form") or None
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise InputRefused("choose the file that the bank sent")
    if wanted is not None and wanted not in set(ReplyForm):
        raise InputRefused("this is no form of replies")
    _check_confirmed(form)
    try:
        reply = read_reply(upload.file.read(), None if wanted is None else ReplyForm(wanted))
    except InputRefused as problem:
        raise InputRefused(
            Sentence("the file cannot be read, {problem}: nothing was booked", problem=sentence_of(problem))
        ) from None
    with _books(person) as books:
        booked = book_replies(books, reply)
    href = path("reply", reply.sha256) if booked.rows else path("payouts")
    return ActionDone(_reply_text(reply, booked), href)


def _reply_text(reply: BankReply, booked: BookedReply) -> str:
    what = {"booked": f"{booked.booked:,}", "rows": f"{booked.rows:,}", "pending": f"{reply.pending:,}"}
    if booked.outcomes and not any(outcome.is_new for outcome in booked.outcomes):
        return "This file was booked before: nothing was done now."
    if reply.pending:
        return Sentence("{booked} of {rows} rows booked; {pending} payments are still under way.", **what)
    return Sentence("{booked} of {rows} rows booked.", **what)


def _export(person: Person, batch: str, form: PaymentForm | None) -> ExportedBatch:
    request = ExportRequest(batch, form, settings().settlement_zone_minutes)
    with _books(person, "payer") as books:
        return export_batch(books, request)


@contextmanager
def _books(person: Person, role: Role = "operator") -> Iterator[BookConnections]:
    """The books under the person's own login, when it is this decision's turn.

    Raises:
        Stalled: the decisions before it take too long.
    """
    if not _turn.acquire(timeout=_TURN_SECONDS):
        raise Stalled("somebody else decides just now: nothing was done, so try again")
    try:
        with operator_books(role, login=person.login) as books:
            yield books
    finally:
        _turn.release()


def _check_confirmed(form: FormData) -> None:
    if form.get("confirmed") != "yes":
        raise InputRefused("tick the box once you have compared the sums: nothing was done")


def _command_id(form: FormData) -> str:
    """As the form was given it.

    Raises:
        InputRefused: it has none of ours.
    """
    found = field(form, "command_id")
    if not re.fullmatch(r"console-[a-z]+-[0-9a-f]{16}", found):
        raise InputRefused("the form has lost its id: load the page again")
    return found


def _moment(text: str) -> int:
    """A moment of the settlement zone, as browsers send it: microseconds.

    Raises:
        InputRefused: it is none.
    """
    try:
        there = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("write the moment as 2026-12-01T09:30:00") from None
    zone = timezone(timedelta(minutes=settings().settlement_zone_minutes))
    return to_micros(there if there.tzinfo else there.replace(tzinfo=zone))


def _paid(outcome: CommandOutcome) -> str:
    """How many payouts a command is about, and their money."""
    amounts = outcome.result["amounts"]
    assert isinstance(amounts, dict)  # noqa: S101 - `tally.sums_of` made it
    return Sentence("{count} payouts, {sums}", count=outcome.result["payouts"], sums=sums_text(amounts))


def _done(text: str, batch: str, payout: str | None = None) -> ActionDone:
    return ActionDone(text, path("batch", batch) if payout is None else path("payout", payout))


ACTIONS = (
    action("/payouts/propose", propose, PAYER),
    action("/payouts/reply", take_reply, PAYER),
    action("/batch/{id}/approve", approve, PAYER),
    action("/batch/{id}/cancel", cancel, PAYER),
    action("/batch/{id}/export", export, PAYER),
    action("/batch/{id}/file", download, PAYER),
    action("/payout/{id}/release", release, PAYER),
)
