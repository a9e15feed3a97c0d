"""The tables that pages of parties show: columns, and how a row of the books becomes cells."""

from collections.abc import Iterator, Sequence

from services.console.render import moment
from services.console.tables import CellKind, Column
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import ENTRY_KINDS, PAYOUT_STATES, ROLES, SKIPPED_LINES
from services.settlement.books.clawbacks import OpenClawback
from services.settlement.books.lookups.party import PartyEntry, PartyPayout, PartyStatement
from services.settlement.books.lookups.party_lines import KocLine
from services.settlement.domain.paying.payouts import CONFIRMED, INSTRUCTED, REFUSED
from services.settlement.domain.pricing.relations import Relation

NUMBER, CODE = CellKind.NUMBER, CellKind.CODE
CURRENCY = Column("currency", "Currency")

BALANCE = (
    CURRENCY,
    Column("pending", "Pending", NUMBER),
    Column("payable", "Payable", NUMBER),
    Column("held", "Held", NUMBER),
    Column("owed_back", "Owed back", NUMBER),
    Column("written_off", "Written off", NUMBER),
    Column("in_transit", "On its way", NUMBER),
    Column("paid", "Paid so far", NUMBER),
)
OBSTACLES = (
    Column("what", "Reason"),
    Column("amount", "Amount", NUMBER),
    CURRENCY,
    Column("until", "Until"),
    Column("see", "See", CODE),
)
PAYOUTS = (
    Column("payout", "Payout", CODE),
    Column("proposed_at", "Proposed"),
    Column("batch", "Batch", CODE),
    Column("rail", "Rail"),
    Column("state", "State"),
    Column("amount", "Amount", NUMBER),
    Column("withheld", "Tax withheld", NUMBER),
    CURRENCY,
)
STATEMENTS = (
    Column("month", "Month"),
    Column("revision", "Revision", NUMBER),
    CURRENCY,
    Column("files", "Files"),
)
LINES = (
    Column("order", "Order", CODE),
    Column("line", "Order line", CODE),
    Column("brand", "Brand", CODE),
    Column("paid_at", "Paid at"),
    Column("pending", "Pending", NUMBER),
    Column("settled", "Settled", NUMBER),
    Column("clawed_back", "Clawed back", NUMBER),
    CURRENCY,
    Column("settle_from", "May be settled from"),
    Column("in_the_way", "In the way"),
)
ENTRIES = (
    Column("entry", "Entry", CODE),
    Column("effective_at", "Effective"),
    Column("kind", "Movement"),
    Column("order", "Order", CODE),
    Column("payable", "Payable", NUMBER),
    Column("held", "Held", NUMBER),
    Column("owed_back", "Owed back", NUMBER),
    CURRENCY,
)
DEBTS = (
    CURRENCY,
    Column("owed_back", "Owed back", NUMBER),
    Column("days_0", "0-29 days", NUMBER),
    Column("days_30", "30-59 days", NUMBER),
    Column("days_60", "60-89 days", NUMBER),
    Column("days_90", "90 days and more", NUMBER),
    Column("oldest", "Oldest"),
)
RELATIONS = (
    Column("role", "Role"),
    Column("party", "Who", CODE),
    Column("since", "Since"),
    Column("until", "Until"),
)
MEMBERS = (Column("koc", "KOC", CODE), Column("since", "Since"), Column("until", "Until"))


def payout_cells(one: PartyPayout) -> list[CellValue]:
    """A row of PAYOUTS."""
    tone = {CONFIRMED: "good", INSTRUCTED: "wait"}.get(one.status, "bad" if one.status in REFUSED else "")
    return [
        LinkCell(one.id, path("payout", one.id)),
        moment(one.proposed_at),
        LinkCell(one.batch, path("batch", one.batch)),
        one.rail,
        WordsCell(PAYOUT_STATES[one.status], tone),
        MoneyCell(one.amount_minor, one.currency),
        MoneyCell(one.withheld_minor, one.currency),
        one.currency,
    ]


def statement_cells(one: PartyStatement, party: str) -> list[CellValue]:
    """A row of STATEMENTS."""
    href = path("statement", one.period, str(one.revision), party, one.currency)
    files = [LinkCell(form.upper(), f"{href}?form={form}") for form in ("pdf", "csv", "xlsx", "json")]
    return [LinkCell(one.period, href), one.revision, one.currency, files]


def line_cells(one: KocLine) -> list[CellValue]:
    """A row of LINES."""
    return [
        LinkCell(one.order_id, path("order", one.order_id)),
        one.line_id,
        LinkCell(one.brand_id, path("brand", one.brand_id)),
        moment(one.paid_at),
        MoneyCell(one.pending_minor, one.currency),
        MoneyCell(one.settled_minor, one.currency),
        MoneyCell(one.owed_minor, one.currency),
        one.currency,
        None if one.settle_at is None else moment(one.settle_at),
        obstacle(one.in_the_way, is_undated=one.pending_minor != 0 and one.settle_at is None),
    ]


def obstacle(in_the_way: str | None, *, is_undated: bool) -> WordsCell | None:
    """What stops a run: what the line says, else that its money has no day yet; None = nothing does."""
    if in_the_way is not None:
        return WordsCell(SKIPPED_LINES[in_the_way])
    return WordsCell("not received yet") if is_undated else None


def entry_cells(one: PartyEntry) -> list[CellValue]:
    """A row of ENTRIES."""
    return [
        LinkCell(one.entry_id, path("entry", one.entry_id)),
        moment(one.effective_at),
        WordsCell(ENTRY_KINDS[one.kind]),
        None if one.order_id is None else LinkCell(one.order_id, path("order", one.order_id)),
        *(MoneyCell(minor, one.currency) for minor in (one.payable_minor, one.held_minor, one.owed_minor)),
        one.currency,
    ]


def debt_cells(one: OpenClawback) -> list[CellValue]:
    """A row of DEBTS."""
    oldest = one.aged.oldest_at
    return [
        one.currency,
        *(MoneyCell(minor, one.currency) for minor in (one.owed_minor, *one.aged.open_minor)),
        None if oldest is None else moment(oldest),
    ]


def relation_rows(relations: Sequence[Relation]) -> Iterator[list[CellValue]]:
    """Rows of RELATIONS: one for each role that somebody fills."""
    for one in relations:
        until = None if one.effective_to is None else moment(one.effective_to)
        for role, name in sorted(one.parties.items()):
            party = f"{role}:{name}"
            yield [
                WordsCell(ROLES.get(role, role)),
                LinkCell(party, path("party", party)),
                moment(one.effective_from),
                until,
            ]


def member_cells(one: Relation) -> list[CellValue]:
    """A row of MEMBERS."""
    until = None if one.effective_to is None else moment(one.effective_to)
    return [LinkCell(one.koc_id, path("party", f"koc:{one.koc_id}")), moment(one.effective_from), until]
