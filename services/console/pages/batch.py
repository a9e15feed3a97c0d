"""A batch of payouts: its sums, its payouts, who gets none and why, its files, and what may be done with it now."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.keyset_rows import books_rows, sums_text
from services.console.pages.payout_actions import new_command_id
from services.console.pages.payout_stages import (
    batch_doors,
    batch_stage,
    batch_steps,
    open_sums,
    payout_state,
    seen_sums,
    state_words,
)
from services.console.render import moment, render
from services.console.story.people import share_link
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.visit import visit_of
from services.settlement.books.lookups.batches import (
    ExportedFile,
    ReplyFile,
    batch_nets,
    batch_payouts,
    exported_files,
    listed_batch,
    reply_files,
)
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.payouts import MEANING
from services.settlement.domain.remittance.forms import PaymentForm

_NUMBER, _CODE = CellKind.NUMBER, CellKind.CODE
_PARTY, _AMOUNT = Column("party", "Party", _CODE), Column("amount", "Amount", _NUMBER)
_CURRENCY = Column("currency", "Currency")


def show_batch(request: Request) -> Response:
    """One batch."""
    name = request.path_params["id"]
    with reading(request) as connection:
        found = listed_batch(connection, name)
        if found is None:
            raise HTTPException(404, "the books know no batch of payouts of this name")
        files, replies = exported_files(connection, name), reply_files(connection, name)
    batch, open_now = found.batch, sum(one.payouts for one in found.states if one.status == "instructed")
    person = visit_of(request).person
    return render(
        request,
        "batch.html",
        room="Payouts",
        tables=[
            _payouts(request, name), _skipped(batch.counts["skipped"]), _nets(request, name), _files(files),
            _replies(replies),
        ],
        batch=batch,
        stage=batch_stage(found),
        steps=batch_steps(found, files),
        doors=batch_doors(found, person),
        files=files,
        replies=replies,
        forms=list(PaymentForm),
        sums=[MoneyCell(minor, currency) for currency, minor in batch.counts["amounts"].items()],
        withheld=[MoneyCell(minor, currency) for currency, minor in batch.counts["withheld"].items()],
        states=state_words(found.states),
        open_sums=sums_text(open_sums(found.states)),
        open_count=open_now,
        seen=seen_sums(found.states),
        as_of=moment(batch.as_of),
        command_ids={what: new_command_id(what) for what in ("approve", "cancel")},
    )  # fmt: skip


def payout_cells(payout: StoredPayout) -> Sequence[CellValue]:
    """A payout of the batch."""
    plan = payout.plan
    return (
        LinkCell(plan.party, path("party", plan.party)),
        LinkCell(payout.id, path("payout", payout.id)),
        payout_state(payout.status),
        MoneyCell(plan.amount_minor, plan.currency),
        plan.currency,
        plan.payee.rail,
        plan.payee.ref,
        payout.covered.size,
    )


def skip_rows(skipped: Sequence[Mapping[str, Any]]) -> list[Sequence[CellValue]]:
    """Who gets no payout, a row a reason and currency, with the greatest of them."""
    return [
        (
            WordsCell(MEANING.get(one["reason"], one["reason"])),
            one["parties"],
            MoneyCell(one["amount_minor"], one["currency"]),
            one["currency"],
            [share_link(party, MoneyCell(minor, one["currency"])) for party, minor in one["greatest"]],
        )
        for one in skipped
    ]


def net_cells(net: BatchNet) -> Sequence[CellValue]:
    """What the batch moved of a party's money before it paid."""
    moved, of = net.net, net.currency
    amounts = (moved.netted_payable + moved.netted_held, moved.released, moved.written_back, moved.held_delta)
    return LinkCell(net.party, path("party", net.party)), *(MoneyCell(one, of) for one in amounts), of


def file_cells(file: ExportedFile) -> Sequence[CellValue]:
    """A file that was exported."""
    return (
        file.name,
        file.form,
        file.payouts,
        MoneyCell(file.amount_minor, file.currency),
        file.currency,
        file.by,
        moment(file.at),
        file.sha256,
        LinkCell(file.command, path("command", file.command)),
    )


def reply_file_cells(file: ReplyFile) -> Sequence[CellValue]:
    """A reply that names payouts of the batch."""
    return (
        LinkCell(f"{file.sha256[:16]}…", path("reply", file.sha256)),
        moment(file.at),
        file.by,
        file.rows,
        WordsCell(str(file.findings), "bad") if file.findings else 0,
    )


def _payouts(request: Request, batch: str) -> PageTable:
    columns = (
        _PARTY, Column("payout", "Payout", _CODE), Column("state", "State"), _AMOUNT, _CURRENCY,
        Column("rail", "Paid by"), Column("ref", "To the payee", _CODE), Column("entries", "Entries", _NUMBER),
    )  # fmt: skip
    rows = books_rows(request, (str, str), lambda books, *at: batch_payouts(books, batch, *at), payout_cells)
    return PageTable("payouts", "Payouts", columns, rows, "It pays nobody.")


def _skipped(skipped: Sequence[Mapping[str, Any]]) -> PageTable:
    columns = (
        Column("why", "Why"), Column("parties", "Parties", _NUMBER), _AMOUNT, _CURRENCY,
        Column("greatest", "The greatest of them"),
    )  # fmt: skip
    rows = all_rows(skip_rows(skipped))
    return PageTable("unpaid", "Who gets none", columns, rows, "Everybody with money gets a payout.")


def _nets(request: Request, batch: str) -> PageTable:
    columns = (
        _PARTY, Column("netted", "Netted with what it owed", _NUMBER), Column("released", "Given back", _NUMBER),
        Column("written_back", "Write-offs taken back", _NUMBER), Column("held", "Held back (less: let go)", _NUMBER),
        _CURRENCY,
    )  # fmt: skip
    rows = books_rows(request, (str, str), lambda books, *at: batch_nets(books, batch, *at), net_cells)
    return PageTable("nets", "What was netted before", columns, rows, "Nothing had to be netted.")


def _files(files: Sequence[ExportedFile]) -> PageTable:
    columns = (
        Column("file", "File", _CODE), Column("form", "Form"), Column("payouts", "Payouts", _NUMBER), _AMOUNT,
        _CURRENCY, Column("by", "Exported by"), Column("at", "Exported at"), Column("sha256", "Seal (SHA-256)", _CODE),
        Column("command", "Command", _CODE),
    )  # fmt: skip
    return PageTable("files", "Files for the bank", columns, all_rows([file_cells(file) for file in files]))


def _replies(files: Sequence[ReplyFile]) -> PageTable:
    columns = (
        Column("file", "File", _CODE), Column("at", "Taken in at"), Column("by", "By"), Column("rows", "Rows", _NUMBER),
        Column("findings", "Findings", _NUMBER),
    )  # fmt: skip
    return PageTable("replies", "Replies of banks", columns, all_rows([reply_file_cells(file) for file in files]))


ROUTES = (Route("/batch/{id}", show_batch),)
