"""Export an approved batch: the same bytes at every call, sealed by their sha256 before anybody gets them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from services.kernel.errors import InputRefused, StartRefused
from services.kernel.sentences import Sentence
from services.settlement.books.payee_rows import find_payees
from services.settlement.books.payout_file_rows import due_payouts, find_batch, seal_files, sealed_files
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.domain.remittance.forms import DuePayout, PaymentForm, obstacles, plan_files
from services.settlement.domain.remittance.payee_accounts import PayeeAccount
from services.settlement.payment_files.payer import payer_details
from services.settlement.payment_files.payment_file import PaymentFile, PaymentOrder
from services.settlement.payment_files.write_csv import write_alipay, write_bank_csv
from services.settlement.payment_files.write_pain001 import write_pain001
from services.settlement.payment_files.write_wechat import write_wechat

WRITERS: Mapping[PaymentForm, Callable[[PaymentOrder], bytes]] = {
    PaymentForm.CSV: write_bank_csv,
    PaymentForm.PAIN_001: write_pain001,
    PaymentForm.WECHAT: write_wechat,
    PaymentForm.ALIPAY: write_alipay,
}
_NAMED_AT_MOST = 20
"""Refs or payouts that a sentence lists."""


class ExportedBatch(NamedTuple):
    """The command, and the files that it sealed now or before."""

    outcome: CommandOutcome
    files: Sequence[PaymentFile]


class ExportRequest(NamedTuple):
    """What is asked for: `form` None = each payout in the form of its rail."""

    batch: str
    form: PaymentForm | None
    zone_minutes: int


def export_batch(book: BookConnections, request: ExportRequest) -> ExportedBatch:
    """Make the files of a batch, and record the export. The same again gives the same bytes.

    Args:
        book: of a login in koc_operator and koc_payer.
        request: which batch, in which form.

    Raises:
        InputRefused: there is no such batch, it is not approved, a payee's row is missing, or a payout fits no file.
        StartRefused: settings do not say who pays, or a file would differ from the one that was sealed before.
    """
    connection = book.connection()
    with connection.begin():
        payouts = due_payouts(connection, request.batch)
        files = _make_files(connection, request, payouts)

    def rule(scene: CommandScene) -> CommandEffect:
        within = scene.transaction.connection
        if due_payouts(within, request.batch) != payouts:
            raise StartRefused(
                Sentence("the payouts of {batch} have just changed: export it again", batch=request.batch)
            )
        sealed = _check_seals(within, request, files)
        new = [(file.plan, file.sha256) for file in files if file.plan.name not in sealed]
        seal_files(within, new, scene.draft.id)
        return CommandEffect({"files": [file.summary() for file in files]})

    outcome = execute(book, _draft(request), rule)
    with connection.begin():
        _check_seals(connection, request, files)  # the command may be of an earlier day, with other settings
    return ExportedBatch(outcome, files)


def _draft(request: ExportRequest) -> CommandDraft:
    """The command, with an id that is the same at every call."""
    digest = hashlib.sha256(f"{request.batch}|{request.form or ''}".encode()).hexdigest()
    how = request.form or "each payout by its rail"
    body = {"batch": request.batch, "form": request.form}
    command_id = f"payout-exported-{digest[:16]}"
    return make_draft(CommandKind.PAYOUT_EXPORTED, f"payment files: {how}", body, command_id)


def _make_files(connection: Connection, request: ExportRequest, payouts: Sequence[DuePayout]) -> list[PaymentFile]:
    """The files with their bytes; nothing is stored."""
    batch = find_batch(connection, request.batch)
    if batch is None:
        raise InputRefused(Sentence("there is no batch {batch}: `koc payout list` lists them", batch=request.batch))
    if batch.status != "approved" or batch.approved_at is None:
        raise InputRefused(
            Sentence(
                "{batch} is {status}: only an approved batch is exported",
                batch=batch.id,
                status=Sentence(batch.status),
            )
        )
    if found := list(obstacles(payouts, request.form)):
        raise InputRefused(
            Sentence("nothing was exported, for {why}: cancel these payouts, and set another payee", why=_some(found))
        )
    plans = plan_files(batch.id, payouts, request.form)
    if not plans:
        raise InputRefused(
            Sentence(
                "{batch} has no payout for a file of the form {form}",
                batch=batch.id,
                form=request.form or Sentence("of any rail"),
            )
        )
    payer = payer_details({plan.form for plan in plans})
    payees = _find_payees(connection, [payout for plan in plans for payout in plan.payouts])
    orders = [PaymentOrder(plan, payees, payer, batch.approved_at, request.zone_minutes) for plan in plans]
    return [PaymentFile(order.plan, WRITERS[order.plan.form](order)) for order in orders]


def _find_payees(connection: Connection, payouts: Sequence[DuePayout]) -> Mapping[str, PayeeAccount]:
    """The payees of payouts by ref, all of them."""
    payees = find_payees(connection, {payout.ref for payout in payouts})
    if missing := sorted({payout.ref for payout in payouts} - set(payees)):
        raise InputRefused(
            Sentence(
                "nothing was exported, for the payee file has no row of {refs}: `koc payee import` adds them",
                refs=_some(missing),
            )
        )
    if other := [payout for payout in payouts if payees[payout.ref].rail != payout.rail]:
        wrong = [f"{payout.ref} ({payees[payout.ref].rail}, wanted by {payout.rail})" for payout in other]
        raise InputRefused(Sentence("nothing was exported, for payees are of another rail: {refs}", refs=_some(wrong)))
    return payees


def _check_seals(connection: Connection, request: ExportRequest, files: Sequence[PaymentFile]) -> Mapping[str, bytes]:
    """The files of the batch that are sealed, by name: those that we make are the same."""
    sealed = sealed_files(connection, request.batch)
    if changed := [file.plan.name for file in files if sealed.get(file.plan.name, file.sha256) != file.sha256]:
        raise StartRefused(
            Sentence(
                "{file} was exported before and would differ now, so it is not written: export it with the settings "
                "KOC_PAYER_…, and the version of koc, that it was exported with",
                file=changed[0],
            )
        )
    return sealed


def _some(texts: Sequence[str]) -> str:
    """The first of many texts, and how many more there are."""
    more = len(texts) - _NAMED_AT_MOST
    named = ", ".join(texts[:_NAMED_AT_MOST])
    return Sentence("{named} and {more:,} more", named=named, more=more) if more > 0 else named
