"""A party (a KOC, an agency, a recruiter): its balance, what comes when, its statements and its debts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from schemas.topics import CREDITS
from services.console.books import reading
from services.console.content_figures import content_figures, figures_table
from services.console.keyset_rows import books_rows
from services.console.parties import tables as shown
from services.console.parties.answer import PartyAnswer
from services.console.parties.coming import coming_of
from services.console.parties.obstacles import HeldFor, obstacle_rows
from services.console.render import CSV, moment, render
from services.console.tables import PageTable, RowKey, all_rows
from services.console.values import MomentCell, MoneyCell, path
from services.console.words.labels import party_sentence
from services.kernel.sentences import Sentence
from services.kernel.time import to_micros
from services.runtime.settings import settings
from services.settlement.books.clawbacks import OpenClawback
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.lookups.party import (
    PartyEntry,
    PartyPayout,
    PartyStatement,
    party_debts,
    party_entries,
    party_money,
    party_payouts,
    party_statements,
)
from services.settlement.books.lookups.party_coming import PendingPart, pending_parts
from services.settlement.books.lookups.party_facts import (
    is_known_party,
    last_proposal,
    left_at,
    open_reserves,
    paid_out,
    party_members,
    refused_payouts,
    relations_of,
)
from services.settlement.books.lookups.party_lines import KocLine, koc_lines, pending_lines
from services.settlement.books.lookups.party_snapshot import PartySnapshot
from services.settlement.domain.pricing.relations import Relation
from services.settlement.payouts.forecast import NextPayout, next_payouts

_LINE_KEY = (int, str, str, int)
OBSTACLES = "in-the-way"
_ENTRY_KEY = (int,) * (CREDITS.partitions + 1)
"""A number for each writer."""


class PartyView(NamedTuple):
    """What a page says of a party, as of one snapshot.

    Attributes:
        is_whole: whether it says what the party is paid next, and what comes; else `nexts` and `parts` are empty.
        left: when it left; None = it did not.
        proposed: when payouts were last proposed.
    """

    is_whole: bool
    answers: Sequence[PartyAnswer]
    nexts: Sequence[NextPayout]
    parts: Sequence[PendingPart]
    held_for: HeldFor
    debts: Sequence[OpenClawback]
    statements: Sequence[PartyStatement]
    relations: Sequence[Relation]
    left: MomentCell | None
    proposed: MomentCell | None


def show_party(request: Request) -> Response:
    """The page; a brand has one of its own."""
    party = request.path_params["party"]
    role, _, name = party.partition(":")
    if role == "brand" and name:
        return RedirectResponse(path("brand", name))
    with reading(request) as connection:
        if not (role and name and is_known_party(connection, party)):
            unknown = Sentence(
                "The books know no party {party}. A party is written ROLE:ID, as koc:k_7: search for its id.",
                party=party[:100],
            )
            raise HTTPException(404, unknown)
        is_next = request.query_params.get("part") == "next"
        is_asked = is_next or request.query_params.get(CSV) == OBSTACLES
        view = _view(connection, party, to_micros(datetime.now(UTC)), is_asked=is_asked)
    if is_next:
        return render(
            request, "party_next.html", tables=_next_tables(view), party=party, title=party_sentence(party), view=view
        )
    figures = content_figures(request, koc_id=name) if role == "koc" else None
    tables = [*_next_tables(view), *_tables(request, party, view)]
    return render(
        request,
        "party.html",
        tables=[*tables, figures_table(figures)] if figures else tables,
        party=party,
        title=party_sentence(party),
        figures=figures,
        view=view,
        is_koc=role == "koc",
    )


def _view(connection: Connection, party: str, now: int, *, is_asked: bool) -> PartyView:
    """All that is read in one snapshot.

    Args:
        connection: of the snapshot.
        party: whose page.
        now: microseconds.
        is_asked: what it is paid next is told even if that takes long.
    """
    snapshot = PartySnapshot(connection, party)
    is_whole = is_asked or not snapshot.is_slow()
    nexts = next_payouts(snapshot, now, settings().settlement_zone_minutes) if is_whole else []
    parts = pending_parts(connection, party, now) if is_whole else []
    by_currency = {one.currency: one for one in nexts}
    paid, role = paid_out(connection, party), party.partition(":")[0]
    answers = [
        PartyAnswer(
            money,
            by_currency.get(money.currency),
            coming_of(parts, money.currency),
            paid.get(money.currency, 0),
        )
        for money in party_money(connection, party)
    ]
    holds = [hold for hold in snapshot.open_holds() if hold.owner == party]
    left, proposed = left_at(connection, party), last_proposal(connection)
    return PartyView(
        is_whole,
        answers,
        nexts,
        parts,
        HeldFor(open_reserves(connection, party), refused_payouts(connection, party), holds),
        party_debts(connection, party),
        party_statements(connection, party),
        relations_of(connection, party.removeprefix("koc:")) if role == "koc" else [],
        None if left is None else moment(left),
        None if proposed is None else moment(proposed),
    )


def _next_tables(view: PartyView) -> list[PageTable]:
    """What stands beside the answer, once that is known."""
    rows = all_rows(obstacle_rows(view.nexts, view.held_for, view.parts))
    table = PageTable(OBSTACLES, "What is in the way", shown.OBSTACLES, rows, "Nothing is in the way of its money.")
    return [table] if view.is_whole else []


def _tables(request: Request, party: str, view: PartyView) -> list[PageTable]:
    """The tables of the page, those with a few rows first."""
    few = [
        PageTable("balance", "Balance by state", shown.BALANCE, all_rows([_balance(one) for one in view.answers]),
                  "Nothing was ever booked for this party."),
        PageTable("debts", "Owed back, by age", shown.DEBTS, all_rows([shown.debt_cells(one) for one in view.debts]),
                  "It owes nothing back."),
        PageTable("statements", "Statements", shown.STATEMENTS,
                  all_rows([shown.statement_cells(one, party) for one in view.statements]),
                  "No closed month has a statement of it."),
    ]  # fmt: skip
    return [*few, *_long_tables(request, party, view)]


def _long_tables(request: Request, party: str, view: PartyView) -> list[PageTable]:
    """Those that are read by key."""

    def payouts(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[PartyPayout]:
        return party_payouts(connection, party, after, limit)

    def entries(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[PartyEntry]:
        return party_entries(connection, party, after, limit)

    def lines(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[KocLine]:
        return koc_lines(connection, party.removeprefix("koc:"), after, limit)

    def pending(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[KocLine]:
        return pending_lines(connection, party.removeprefix("koc:"), after, limit)

    def members(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[Relation]:
        return party_members(connection, party, after, limit)

    tables = [
        PageTable("payouts", "Payouts", shown.PAYOUTS, books_rows(request, (int, str), payouts, shown.payout_cells),
                  "It has had no payout yet."),
        PageTable("entries", "What moved its settled money", shown.ENTRIES,
                  books_rows(request, _ENTRY_KEY, entries, shown.entry_cells), "Nothing of it was settled yet."),
    ]  # fmt: skip
    if party.startswith("koc:"):
        return [
            *tables,
            PageTable("pending", "Pending order lines", shown.LINES,
                      books_rows(request, _LINE_KEY, pending, shown.line_cells), "Nothing is pending."),
            PageTable("lines", "Order lines, and what each earned", shown.LINES,
                      books_rows(request, _LINE_KEY, lines, shown.line_cells), "No order line credits it."),
            PageTable("relations", "Agency, recruiter and others", shown.RELATIONS,
                      all_rows(list(shown.relation_rows(view.relations))), "It works alone."),
        ]  # fmt: skip
    read = books_rows(request, (str,), members, shown.member_cells)
    return [*tables, PageTable("members", "Its KOCs", shown.MEMBERS, read, "No KOC names it.")]


def _balance(one: PartyAnswer) -> list[str | MoneyCell]:
    money = one.money
    amounts = (
        money.pending_minor, money.payable_minor, money.held_minor, money.owed_minor, money.written_off_minor,
        money.in_transit_minor, one.paid_minor,
    )  # fmt: skip
    return [money.currency, *(MoneyCell(amount, money.currency) for amount in amounts)]


ROUTES = (Route("/party/{party:path}", show_party),)
