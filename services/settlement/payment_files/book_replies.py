"""Book a bank's reply: a command for each part of it, once for all, by the state machine of payouts."""

from collections.abc import Sequence
from typing import NamedTuple

from services.kernel.errors import InputRefused, InvariantBroken
from services.settlement.books.command_transaction import WRITER_N
from services.settlement.books.payout_file_rows import find_exported
from services.settlement.books.payout_reply_rows import add_reply_rows, awaited_payouts, set_outcomes
from services.settlement.books.ports import LineChange, PostedEntry
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import CommandDraft, CommandKind
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.remittance.replies import (
    AwaitedPayout,
    PayoutOutcome,
    ReplyMove,
    ReplyRow,
    judge_reply,
)
from services.settlement.payment_files.read_reply import BankReply

ROWS_PER_COMMAND = 2_000
"""A command is one message of Kafka, findings and all: it stays well below 1 MB."""

_SHORT_DIGEST = 20


class ReplyFinding(NamedTuple):
    """A row that booked nothing, and why. `row` counts from 1 in the file's order."""

    row: int
    payout: str
    text: str


class BookedReply(NamedTuple):
    """What became of a reply: its commands, its rows, how many of them booked an entry, and the findings."""

    outcomes: Sequence[CommandOutcome]
    rows: int
    booked: int
    findings: Sequence[ReplyFinding]


def book_replies(book: BookConnections, reply: BankReply) -> BookedReply:
    """Book all rows of a reply. The same file again gives the first result.

    A process that is killed between two parts leaves the first ones booked; the same call finishes the rest.

    Args:
        book: of a login in koc_operator.
        reply: as read from a file.

    Raises:
        InputRefused: it speaks of a whole file that was never exported.
        StartRefused: somebody else holds RUN.
    """
    reply = _named(book, reply)
    outcomes, findings, booked = [], [], 0
    for first in range(0, len(reply.rows), ROWS_PER_COMMAND):
        outcome = _book_part(book, reply, first)
        outcomes.append(outcome)
        booked += int(str(outcome.result["booked"]))
        findings += [ReplyFinding(row, reply.rows[row - 1].payout, text) for row, text in _findings_of(outcome)]
    return BookedReply(outcomes, len(reply.rows), booked, findings)


def _named(book: BookConnections, reply: BankReply) -> BankReply:
    """The reply with a row for each payout of the files that it speaks of as a whole, unless a row names the payout."""
    named, rows = {row.payout for row in reply.rows}, list(reply.rows)
    connection = book.connection()
    for file in reply.files:
        with connection.begin():
            plan = find_exported(connection, file.reference)
        if plan is None:
            raise InputRefused(f"{file.place}: the bank speaks of a file that we have not exported: nothing was booked")
        rows += [
            ReplyRow(payout.id, file.outcome, payout.amount_minor, payout.currency, None, 0)
            for payout in plan.payouts
            if payout.id not in named
        ]
    return reply._replace(rows=rows, files=())


def _findings_of(outcome: CommandOutcome) -> list[tuple[int, str]]:
    """(row, text) of a result."""
    found = outcome.result["findings"]
    if not isinstance(found, list):
        raise InvariantBroken(f"command {outcome.command_id} has no list of findings")
    return [(int(row), str(text)) for row, text in found]


def _book_part(book: BookConnections, reply: BankReply, first: int) -> CommandOutcome:
    """Book the rows from this index on, as many as one command takes."""
    rows = reply.rows[first : first + ROWS_PER_COMMAND]
    return book_rows(book, _draft(reply, first, rows), first, rows)


def book_rows(book: BookConnections, draft: CommandDraft, first: int, rows: Sequence[ReplyRow]) -> CommandOutcome:
    """Carry a command out that takes rows of a reply in.

    Args:
        book: of a login in koc_operator.
        draft: names the file and holds the rows.
        first: how many rows of the file come before.
        rows: as the draft has them.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        connection = scene.transaction.connection
        payouts = awaited_payouts(connection, {row.payout for row in rows})
        # each row by the status that the rows before it have left
        moves: list[tuple[AwaitedPayout, ReplyRow, ReplyMove]] = []
        outcomes: dict[str, PayoutOutcome] = {}
        texts: list[str | None] = []
        for row in rows:
            judged = judge_reply(row, payouts.get(row.payout))
            texts.append(judged if isinstance(judged, str) else None)
            if isinstance(judged, ReplyMove):
                moves.append((payouts[row.payout], row, judged))
                outcomes[row.payout] = row.outcome
                payouts[row.payout] = payouts[row.payout]._replace(status=row.outcome.value)
        # status and rows; the entries go with what `execute` writes
        set_outcomes(connection, outcomes, scene.point["registry"])
        add_reply_rows(
            connection,
            bytes.fromhex(str(draft.body["file_sha256"])),
            first + 1,
            list(zip(rows, texts, strict=True)),
            draft.id,
        )
        posted = [entry for move in moves for entry in _post(scene, *move)]
        findings = [[first + number, text] for number, text in enumerate(texts, start=1) if text is not None]
        return CommandEffect({"booked": len(moves), "findings": findings}, [LineChange(posted)])

    return execute(book, draft, rule)


def _draft(reply: BankReply, first: int, rows: Sequence[ReplyRow]) -> CommandDraft:
    part = first // ROWS_PER_COMMAND + 1
    body = {
        "file_sha256": reply.sha256,
        "form": reply.form,
        "part": part,
        "rows": [
            [row.payout, row.outcome, row.amount_minor, row.currency, row.bank_ref, row.fee_minor] for row in rows
        ],
    }
    command_id = f"payout-replied-{reply.sha256[:_SHORT_DIGEST]}-{part}"
    return make_draft(CommandKind.PAYOUT_REPLIED, f"reply of a bank, {reply.form}, part {part}", body, command_id)


def _post(scene: CommandScene, payout: AwaitedPayout, row: ReplyRow, move: ReplyMove) -> list[PostedEntry]:
    """The row's entry, dated now: `payout|ID|OUTCOME` happens once."""
    cause = f"payout {payout.id}: {row.outcome}"
    draft = EntryDraft(move.kind, ONLY, cause, scene.time.now, move.legs)
    return scene.builder.build(WRITER_N, f"payout|{payout.id}|{row.outcome}", [draft], payout.currency, None)
