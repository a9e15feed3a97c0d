"""Settlement runs: what one settled, and what it left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.keyset_rows import books_rows, sums_cell
from services.console.render import moment, render
from services.console.story.people import share_link
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import SKIPPED_LINES
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.left_out import LeftOutLine, left_out_lines
from services.settlement.books.lookups.run_lines import RunLine, run_lines
from services.settlement.books.lookups.runs import (
    FoundRun,
    ListedRun,
    RunContent,
    find_run,
    newest_runs,
    run_contents,
    run_parties,
    unfinished_run,
)
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.settling.candidates import BLOCKING_REASONS, MEANING
from services.settlement.domain.settling.plan_hash import PartyPlan

DONE = "done"
_NUMBER, _CODE = CellKind.NUMBER, CellKind.CODE
_LINE = Column("order", "Order", _CODE), Column("line", "Order line", _CODE), Column("buyer", "Buyer", _CODE)
_MONEY = Column("amount", "Amount", _NUMBER), Column("currency", "Currency")
_BRAND = Column("brand", "Brand", _CODE)
_OURS, _SHARES = Column("platform", "Our fee", _NUMBER), Column("shares", "Shares of parties")
_PARTY = Column("party", "Party", _CODE)


def show_runs(request: Request) -> Response:
    """All runs, the newest first."""
    columns = (
        Column("run", "Run", _CODE), Column("as_of", "As of"), Column("state", "State"),
        Column("lines", "Lines", _NUMBER), Column("script_fees", "Script fees", _NUMBER),
        Column("billed", "Billed to brands", _NUMBER), Column("left_out", "Lines left out", _NUMBER),
        Column("by", "By"), Column("planned_at", "Planned at"), Column("done_at", "Done at"),
    )  # fmt: skip
    rows = books_rows(request, (int, str), newest_runs, run_cells)
    table = PageTable("runs", "Settlement runs", columns, rows, "No run has been made yet.")
    with reading(request) as connection:
        unfinished = unfinished_run(connection)
    return render(request, "runs.html", room="Runs", tables=[table], unfinished=unfinished)


def show_run(request: Request) -> Response:
    """One run: what it settled, what it left out and why, and by what it can be checked."""
    name, reason = request.path_params["id"], request.query_params.get("reason")
    if reason is not None and reason not in BLOCKING_REASONS:
        raise HTTPException(404, "no run leaves lines out for this reason")
    with reading(request) as connection:
        found = find_run(connection, name)
    if found is None:
        raise HTTPException(404, "the books know no run of this name")
    counts = found.run.counts
    tables = [_left_out(name, counts["skipped"]), _budgets(counts["budgets"]), _brands(counts["brands"])]
    tables += [_parties(request, name), _contents(request, name), _lines(request, found)]
    if reason is not None:
        tables.append(_left_out_lines(request, found, reason))
    return render(
        request,
        "run.html",
        room="Runs",
        tables=tables,
        run=found.run,
        point=found.point,
        by=found.by,
        state=run_state(found.run.status),
        partitions=found.partitions,
        as_of=moment(found.run.as_of),
        planned_at=moment(found.planned_at),
        done_at=None if found.done_at is None else moment(found.done_at),
        billed=money_cells(sums_by_currency(counts["brands"])),
        ours=money_cells(sums_by_currency([row for row in counts["parties"] if row["party"] == OURSELVES])),
        earned=money_cells(sums_by_currency([row for row in counts["parties"] if row["party"] != OURSELVES])),
        reason=reason,
        meaning=MEANING.get(reason or ""),
    )


def run_state(status: str) -> WordsCell:
    """A run's state in words: only one that is done needs nobody."""
    if status == DONE:
        return WordsCell("done", "good")
    return WordsCell("unfinished", "bad")


def sums_by_currency(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What rows of a run's counts add up to, minor units."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["currency"]] += row["amount_minor"]
    return dict(sorted(sums.items()))


def money_cells(amounts: Mapping[str, int]) -> list[MoneyCell]:
    """Amounts by currency, as pages show them."""
    return [MoneyCell(minor, currency) for currency, minor in amounts.items()]


def run_cells(run: ListedRun) -> Sequence[CellValue]:
    """A run in the list; what came of one that is at work is not known yet."""
    told = run.result if run.status == DONE else None
    return (
        LinkCell(run.id, path("run", run.id)),
        moment(run.as_of),
        run_state(run.status),
        *((None,) * 4 if told is None else _outcome_cells(told)),
        run.by,
        moment(run.planned_at),
        None if run.done_at is None else moment(run.done_at),
    )


def _outcome_cells(told: Mapping[str, Any]) -> Sequence[CellValue]:
    """Lines, script fees, what was billed, and how many lines were left out."""
    left_out = sum(one["lines"] for one in told.get("skipped", ()))
    return told.get("lines", 0), told.get("script_fees", 0), sums_cell(told.get("billed_minor", {})), left_out


def skip_cells(run: str, skip: Mapping[str, Any]) -> Sequence[CellValue]:
    """A reason for which a run left lines out; it leads to the lines. Programs get its word."""
    reason = skip["reason"]
    href = f"{path('run', run)}?reason={reason}#left-out-lines"
    return (
        LinkCell(Sentence(SKIPPED_LINES[reason]), href, reason),
        WordsCell(MEANING[reason]),
        skip["lines"],
        MoneyCell(skip["amount_minor"], skip["currency"]),
        skip["currency"],
    )


def line_cells(line: RunLine, *, is_done: bool) -> Sequence[CellValue]:
    """A line that the run settles, with who has what of it; a budget that is used up may have left nothing."""
    of, settled = line.currency, {} if is_done and line.settled is None else line.settled
    named = _name_cells(line.order_id, line.line_id, line.buyer_id, line.brand_id)
    if settled is None:
        return *named, WordsCell("not yet", "wait", code=""), of, None, []
    shares = [share_link(who, MoneyCell(minor, of)) for who, minor in sorted(settled.items()) if who != OURSELVES]
    return *named, MoneyCell(sum(settled.values()), of), of, MoneyCell(settled.get(OURSELVES, 0), of), shares


def left_out_cells(line: LeftOutLine) -> Sequence[CellValue]:
    """A line that runs leave out."""
    return (
        *_name_cells(line.order_id, line.line_id, line.buyer_id, line.brand_id),
        MoneyCell(line.pending_minor, line.currency),
        line.currency,
        None if line.settle_at is None else moment(line.settle_at),
        line.detail,
    )


def party_cells(plan: PartyPlan) -> Sequence[CellValue]:
    """What a run settles for a party, keeps back of it, and nets."""
    of, net, reserve = plan.currency, plan.net, plan.reserve
    return (
        LinkCell(plan.party, path("party", plan.party)),
        MoneyCell(plan.settled_minor, of),
        MoneyCell(net.netted_payable + net.netted_held, of),
        MoneyCell(net.held_delta, of),
        MoneyCell(reserve.amount_minor, of),
        None if reserve.until is None else moment(reserve.until),
        of,
    )


def content_cells(content: RunContent) -> Sequence[CellValue]:
    """A content whose script fee the run settles."""
    link = LinkCell(content.content_id, path("content", content.content_id))
    return link, MoneyCell(content.settled_minor, content.currency), content.currency


def _left_out(run: str, skipped: Sequence[Mapping[str, Any]]) -> PageTable:
    columns = Column("reason", "Reason"), Column("why", "What that means"), Column("lines", "Lines", _NUMBER)
    ordered = sorted(skipped, key=lambda one: BLOCKING_REASONS.index(one["reason"]))
    rows = all_rows([skip_cells(run, one) for one in ordered])
    return PageTable("left-out", "Left out", (*columns, *_MONEY), rows, "It left no due line out.")


def _budgets(budgets: Sequence[Mapping[str, Any]]) -> PageTable:
    columns = (
        Column("campaign", "Campaign", _CODE), Column("limit", "Budget", _NUMBER),
        Column("committed", "Committed after the run", _NUMBER), Column("left", "Left", _NUMBER), _MONEY[1],
    )  # fmt: skip
    return PageTable("budgets", "Budgets of campaigns", columns, all_rows([budget_cells(one) for one in budgets]))


def budget_cells(budget: Mapping[str, Any]) -> Sequence[CellValue]:
    """A campaign's budget after the run."""
    of, limit = budget["currency"], budget["limit_minor"]
    committed = budget["worth_minor"] + budget["charged_minor"]
    return budget["campaign_id"], MoneyCell(limit, of), MoneyCell(committed, of), MoneyCell(limit - committed, of), of


def _brands(brands: Sequence[Mapping[str, Any]]) -> PageTable:
    ordered = sorted(brands, key=lambda row: (-row["amount_minor"], row["brand_id"]))
    rows = [
        (LinkCell(one["brand_id"], path("brand", one["brand_id"])), MoneyCell(one["amount_minor"], one["currency"]),
         one["currency"])
        for one in ordered
    ]  # fmt: skip
    return PageTable("brands", "Billed to brands", (_BRAND, *_MONEY), all_rows(rows), "It billed nothing.")


def _parties(request: Request, run: str) -> PageTable:
    columns = (
        _PARTY, Column("settled", "Settled", _NUMBER), Column("netted", "Netted with what it owed", _NUMBER),
        Column("held", "Held back (less: let go)", _NUMBER), Column("reserve", "Reserve", _NUMBER),
        Column("reserve_until", "Reserve until"), _MONEY[1],
    )  # fmt: skip
    rows = books_rows(request, (str, str), lambda books, *at: run_parties(books, run, *at), party_cells)
    return PageTable("parties", "Earned by parties", columns, rows, "Nobody earned anything by it.")


def _contents(request: Request, run: str) -> PageTable:
    columns = Column("content", "Content", _CODE), Column("settled", "Settled of its fee", _NUMBER), _MONEY[1]
    rows = books_rows(request, (str, str), lambda books, *at: run_contents(books, run, *at), content_cells)
    return PageTable("script-fees", "Script fees", columns, rows, "It settled no script fee.")


def _lines(request: Request, found: FoundRun) -> PageTable:
    columns = *_LINE, _BRAND, Column("settled", "Settled", _NUMBER), _MONEY[1], _OURS, _SHARES
    rows = books_rows(
        request,
        (int, str, str, int),
        lambda books, *at: run_lines(books, found.run.id, *at),
        partial(line_cells, is_done=found.run.status == DONE),
    )
    return PageTable("lines", "Lines settled", columns, rows, "It settled no line.")


def _left_out_lines(request: Request, found: FoundRun, reason: str) -> PageTable:
    columns = *_LINE, _BRAND, *_MONEY, Column("due_at", "Due since"), Column("detail", "Detail")
    read = partial(left_out_lines, reason=reason, as_of=found.run.as_of)
    rows = books_rows(
        request, (int, str, str, int), lambda books, after, limit: read(books, after=after, limit=limit), left_out_cells
    )
    return PageTable(
        "left-out-lines", "Lines of today with this reason", columns, rows, "None has this reason any more."
    )


def _name_cells(order_id: str, line_id: str, buyer_id: str, brand_id: str) -> Sequence[CellValue]:
    return LinkCell(order_id, path("order", order_id)), line_id, buyer_id, LinkCell(brand_id, path("brand", brand_id))


ROUTES = (Route("/runs", show_runs), Route("/run/{id}", show_run))
