"""Payouts: from a proposal to a bank's reply, by two people."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.access.people import PAYER
from services.console.books import reading
from services.console.jobs import Job
from services.console.keyset_rows import books_rows, sums_cell, sums_text
from services.console.pages import batch, reply
from services.console.pages.payout_actions import ACTIONS, PAYOUT_JOBS, TRIAL, ProposalResult, new_command_id
from services.console.pages.payout_stages import NO_PAYER, SIGN_IN, PayoutStep, batch_stage, payout_state, state_words
from services.console.render import moment, render
from services.console.state import console_of
from services.console.tables import CellKind, Column, PageTable, RowKey, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.visit import visit_of
from services.console.words.labels import ENTRY_KINDS
from services.runtime.settings import settings
from services.settlement.books.lookups.batches import ListedBatch, newest_batches
from services.settlement.books.lookups.keyset import KeysetPage, page_of
from services.settlement.books.lookups.replies import BankReplyRow, PayoutDecision, decisions_on, replies_to
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_reads import CoveredLeg, covered_legs, find_payout, is_exported, known_batch
from services.settlement.domain.paying.payouts import INSTRUCTED, MEANING
from services.settlement.payment_files.read_reply import ReplyForm

_NUMBER, _CODE = CellKind.NUMBER, CellKind.CODE
_SHOWN_JOBS = 3
_DECIDED = {
    "payout.approved": ("Approved", "good"),
    "payout.exported": ("Exported", "good"),
    "payout.cancelled": ("Cancelled", "bad"),
    "payout.released": ("Released", "good"),
}
_REPLIED = {
    "confirmed": ("Paid out by the bank", "good"),
    "rejected": ("Rejected by the bank", "bad"),
    "returned": ("Returned", "bad"),
}


def show_payouts(request: Request) -> Response:
    """All batches, the newest first; what is being proposed now; and the forms to propose and to take replies in."""
    jobs = [job_view(job) for job in console_of(request).jobs.of_kind(PAYOUT_JOBS)[:_SHOWN_JOBS]]
    columns = (
        Column("batch", "Batch", _CODE), Column("state", "State"), Column("payouts", "Payouts", _NUMBER),
        Column("sums", "Sums", _NUMBER), Column("how_far", "How far its payouts are"), Column("as_of", "As of"),
        Column("by", "Proposed by"), Column("proposed_at", "Proposed at"), Column("approved_by", "Approved by"),
    )  # fmt: skip
    rows = books_rows(request, (int, str), newest_batches, batch_cells)
    table = PageTable("batches", "Batches of payouts", columns, rows, "Nothing was proposed yet.")
    person = visit_of(request).person
    return render(
        request,
        "payouts.html",
        room="Payouts",
        tables=[table],
        jobs=jobs,
        meaning=MEANING,
        can_act=person is not None and PAYER in person.roles,
        door=SIGN_IN if person is None else NO_PAYER,
        now=_now_text(),
        forms=list(ReplyForm),
    )


def show_payout(request: Request) -> Response:
    """One payout: whom it pays, how far it is, the entries that it covers, what banks said, what may be done."""
    name = request.path_params["id"]
    with reading(request) as connection:
        payout = find_payout(connection, name)
        if payout is None:
            raise HTTPException(404, "the books know no payout of this name")
        of_batch = known_batch(connection, payout.batch)
        replies, decisions = replies_to(connection, name), decisions_on(connection, payout)
        exported = is_exported(connection, payout.batch)
    person, plan = visit_of(request).person, payout.plan
    can_act = person is not None and PAYER in person.roles
    return render(
        request,
        "payout.html",
        room="Payouts",
        tables=[_covered(request, payout), _replies(replies)],
        payout=payout,
        state=payout_state(payout.status),
        amount=MoneyCell(plan.amount_minor, plan.currency),
        withheld=MoneyCell(plan.withheld.amount_minor, plan.currency) if plan.withheld.authority else None,
        steps=payout_steps(of_batch, decisions, replies, payout.status),
        can_cancel=can_act and payout.status == INSTRUCTED and not exported,
        can_release=can_act and payout.is_refused,
        door=None if can_act else SIGN_IN if person is None else NO_PAYER,
        is_open=(payout.status == INSTRUCTED and not exported) or payout.is_refused,
        command_id=new_command_id("payout"),
    )


def job_view(job: Job) -> dict[str, object]:
    """A job as the page shows it: what it does, how far it is, what came of it.

    Whether it has ended is asked once and first: it may end while the page is made.
    """
    ended_at, lines = job.ended_at, list(job.lines)
    result: ProposalResult | None = None if ended_at is None else job.result
    counts = {} if result is None else result.counts
    amounts = counts.get("amounts", {})
    return {
        "is_at_work": ended_at is None,
        "problem": None if ended_at is None else job.problem,
        "by": job.by,
        "line": lines[-1] if lines else None,
        "is_trial": job.key.startswith(TRIAL),
        "batch": job.key.removeprefix(f"{TRIAL} "),
        "began_at": moment(job.began_at),
        "ended_at": None if ended_at is None else moment(ended_at),
        "is_new": result is not None and result.is_new,
        "payouts": counts.get("payouts"),
        "sums": sums_text(amounts) if isinstance(amounts, dict) else "",
        "skipped": counts.get("skipped", []),
    }


def batch_cells(found: ListedBatch) -> Sequence[CellValue]:
    """A batch in the list."""
    one = found.batch
    return (
        LinkCell(one.id, path("batch", one.id)),
        batch_stage(found),
        one.counts["payouts"],
        sums_cell(one.counts["amounts"]),
        WordsCell(state_words(found.states)),
        moment(one.as_of),
        one.by,
        moment(one.proposed_at),
        one.approved_by,
    )


def payout_steps(
    of_batch: StoredBatch, decisions: Sequence[PayoutDecision], replies: Sequence[BankReplyRow], status: str
) -> list[PayoutStep]:
    """What a payout went through, in order; a row of a reply that booked nothing is none."""
    steps = [
        (of_batch.proposed_at, PayoutStep("Proposed", "good", of_batch.by, moment(of_batch.proposed_at))),
        *((one.at, PayoutStep(*_DECIDED[one.kind], one.by, moment(one.at))) for one in decisions),
        *(
            (row.at, PayoutStep(*_REPLIED[row.outcome], row.by, moment(row.at)))
            for row in replies
            if row.finding is None
        ),
    ]
    in_order = [step for _, step in sorted(steps, key=lambda step: step[0])]
    if status == INSTRUCTED:
        waits_for = "The bank's reply" if any(one.kind == "payout.exported" for one in decisions) else "The next step"
        in_order.append(PayoutStep(waits_for, is_next=True))
    return in_order


def leg_cells(leg: CoveredLeg, currency: str) -> Sequence[CellValue]:
    """An entry that a payout covers."""
    return (
        LinkCell(leg.entry_id, path("entry", leg.entry_id)),
        WordsCell(ENTRY_KINDS[leg.kind]),
        moment(leg.effective_at),
        None if leg.order_id is None else LinkCell(leg.order_id, path("order", leg.order_id)),
        leg.line_id,
        MoneyCell(-leg.amount_minor, currency),
        currency,
    )


def reply_cells(row: BankReplyRow) -> Sequence[CellValue]:
    """A row of a reply to a payout."""
    return (
        LinkCell(f"{row.sha256[:16]}…", path("reply", row.sha256)),
        row.row,
        moment(row.at),
        *reply.outcome_cells(row),
    )


def _covered(request: Request, payout: StoredPayout) -> PageTable:
    columns = (
        Column("entry", "Entry", _CODE), Column("kind", "What"), Column("effective_at", "Effective at"),
        Column("order", "Order", _CODE), Column("line", "Order line", _CODE), Column("amount", "Amount", _NUMBER),
        Column("currency", "Currency"),
    )  # fmt: skip

    def read(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[CoveredLeg]:
        first = (-1, -1) if after is None else (int(after[0]), int(after[1]))
        legs = list(covered_legs(connection, payout, first, limit + 1))
        return page_of(legs, limit, _entry_key)

    rows = books_rows(request, (int, int), read, lambda leg: leg_cells(leg, payout.plan.currency))
    return PageTable("entries", "Entries that it covers", columns, rows)


def _entry_key(leg: CoveredLeg) -> RowKey:
    writer, _, seq = leg.entry_id.partition("-")
    return int(writer), int(seq)


def _replies(rows: Sequence[BankReplyRow]) -> PageTable:
    columns = (
        Column("file", "File", _CODE), Column("row", "Row", _NUMBER), Column("at", "Taken in at"),
        *reply.OUTCOME_COLUMNS,
    )  # fmt: skip
    return PageTable("replies", "What banks said", columns, all_rows([reply_cells(row) for row in rows]))


def _now_text() -> str:
    """Now in the settlement zone, to the second, as a browser's field takes it."""
    zone = timezone(timedelta(minutes=settings().settlement_zone_minutes))
    return datetime.now(UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


ROUTES = (
    Route("/payouts", show_payouts),
    Route("/payout/{id}", show_payout),
    *batch.ROUTES,
    *reply.ROUTES,
    *ACTIONS,
)
