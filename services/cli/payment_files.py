"""`koc payout export` and `koc payout reply`: files to banks, and what banks reply."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson

if TYPE_CHECKING:
    from services.settlement.payment_files.book_replies import BookedReply
    from services.settlement.payment_files.export import ExportedBatch
    from services.settlement.payment_files.payment_file import PaymentFile
    from services.settlement.payment_files.read_reply import BankReply

app = typer.Typer()
"""These commands are part of `koc payout`."""

_SHOWN = 20
"""Findings that a person sees at once."""


@app.command("export")
def export_files(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="id of an approved batch")],
    form: Annotated[
        str | None, typer.Option(help="csv, pain.001, wechat or alipay; without it each payout takes its rail's form")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="folder; without it payments/ of the local stack")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the payment files of an approved batch. The same again gives the same bytes.

    The files hold names and account numbers: only you can read them. Upload one form of a payout, not two.

    Examples: `koc payout export pay-2026-11`, `koc payout export pay-2026-11 --form csv --output out/`
    """
    from services.runtime.settings import local_dir, settings
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.domain.remittance.forms import PaymentForm
    from services.settlement.payment_files.export import ExportRequest, export_batch

    if form is not None and form not in set(PaymentForm):
        raise typer.BadParameter(f"{form} is no form: {', '.join(PaymentForm)}")
    wanted = None if form is None else PaymentForm(form)
    with operator_books("payer") as book:
        exported = export_batch(book, ExportRequest(batch, wanted, settings().settlement_zone_minutes))
    folder = output or local_dir() / "payments"
    _write_files(folder, exported.files)
    _tell_export(exported, folder, as_json)


@app.command("reply")
def take_reply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a bank's reply")],
    form: Annotated[
        str | None, typer.Option(help="pain.002, wechat, alipay or csv; without it the file's beginning tells")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Book a bank's reply: payouts confirmed, rejected or returned. The same file again changes nothing.

    Exit 1 if a row is a finding: it contradicts the books, and nothing was booked of it.

    Examples: `koc payout reply status.xml`, `koc payout reply reply.csv --form csv --json`
    """
    from services.kernel.errors import InputRefused
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.payment_files.book_replies import book_replies
    from services.settlement.payment_files.input_file import read_input
    from services.settlement.payment_files.read_reply import ReplyForm, read_reply

    if form is not None and form not in set(ReplyForm):
        raise typer.BadParameter(f"{form} is no form: {', '.join(ReplyForm)}")
    try:
        reply = read_reply(read_input(file), None if form is None else ReplyForm(form))
    except InputRefused as problem:
        raise InputRefused(f"{file.name}, {problem}: nothing was booked") from None
    with operator_books() as book:
        booked = book_replies(book, reply)
    _tell_reply(reply, booked, as_json)
    if booked.findings:
        raise typer.Exit(1)


def _write_files(folder: Path, files: "Sequence[PaymentFile]") -> None:
    """Put files into a folder, each at once and whole, for the owner's eyes alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in files:
        handle, name = tempfile.mkstemp(dir=folder)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as draft:
                draft.write(file.body)
                draft.flush()
                os.fsync(draft.fileno())
            Path(name).replace(folder / file.plan.name)
        finally:
            Path(name).unlink(missing_ok=True)


def _tell_export(exported: "ExportedBatch", folder: Path, as_json: bool) -> None:
    from services.settlement.domain.book.currencies import decimal_text

    outcome = exported.outcome
    files = [file.summary() | {"path": str(folder / file.plan.name)} for file in exported.files]
    if as_json:
        print(
            json.dumps({"command_id": outcome.command_id, "seq": outcome.seq, "is_new": outcome.is_new, "files": files})
        )
        return
    for file in exported.files:
        total = f"{decimal_text(file.plan.amount_minor, file.plan.currency)} {file.plan.currency}"
        count = _count(len(file.plan.payouts), "payout")
        print(f"{folder / file.plan.name}: {count}, {total}, sha256 {file.sha256.hex()}")
    if not outcome.is_new:
        print(f"the same bytes as at command {outcome.seq} of {outcome.by}")


def _count(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _tell_reply(reply: "BankReply", booked: "BookedReply", as_json: bool) -> None:
    commands = [outcome.command_id for outcome in booked.outcomes]
    is_new = any(outcome.is_new for outcome in booked.outcomes)
    if as_json:
        findings = [finding._asdict() for finding in booked.findings]
        said = {"form": reply.form, "file_sha256": reply.sha256, "commands": commands, "is_new": is_new}
        print(json.dumps(said | {"booked": booked.booked, "pending": reply.pending, "findings": findings}))
        return
    pending = f"; still under way: {_count(reply.pending, 'payment')}" if reply.pending else ""
    print(f"{reply.form}: {booked.booked:,} of {_count(booked.rows, 'row')} booked{pending}")
    for finding in booked.findings[:_SHOWN]:
        print(f"row {finding.row}: {finding.payout}: {finding.text}")
    if len(booked.findings) > _SHOWN:
        print(f"{len(booked.findings) - _SHOWN:,} more findings: --json lists them")
    if commands and not is_new:
        print(f"this file was booked before by {', '.join(commands)}: nothing was done now")
