"""Invariants and lag: whether the books are what they should be, and how far behind everything is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.console.books import reading
from services.console.kept import LastReading
from services.console.keyset_rows import books_rows
from services.console.render import moment, render
from services.console.state import console_of
from services.console.tables import CellKind, Column, PageTable
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.watch import BalanceCheck, SealCheck
from services.kernel.sentences import Sentence
from services.operations.drain.drain import (
    REPRICE_JOBS,
    UNPUBLISHED,
    UNPUBLISHED_COMMANDS,
    UNPUBLISHED_STATEMENTS,
    LogDistance,
)
from services.settlement.books.attention import LineCounts, UnpricedLines, count_lines, unpriced_lines
from services.settlement.books.line_lists import LineCondition, ListedLine, page_of_lines
from services.settlement.books.lookups.waiting import UnfinishedRun, months_without_statements, unfinished_runs
from services.settlement.books.outbox import (
    count_unpublished_commands,
    count_unpublished_statements,
    unpublished_entries,
)

GOOD, WAIT, BAD = "good", "wait", "bad"
FIRST_READING_SECONDS = 0.1
"""So long a page waits for a reading where nothing is known yet."""

_SOUND = WordsCell("as it should be", GOOD)
_NONE = WordsCell("none", GOOD)
_UNREAD = WordsCell("being read", WAIT)
_UNREADABLE = WordsCell("not known", WAIT)
_TITLES = {
    LineCondition.UNPRICED: "Lines that no plan prices",
    LineCondition.SET_ASIDE: "Lines that are set aside",
    LineCondition.QUARANTINED: "Lines in quarantine",
    LineCondition.BELOW_JOIN: "Lines below their join",
    LineCondition.SECOND_OWNER: "Order lines that two buyers claim",
}
_MEANINGS = {
    LineCondition.UNPRICED: "A credit stands and no plan says what it is worth, so nothing is booked for it.",
    LineCondition.SET_ASIDE: "The line is worth more than a journal entry can hold, so nothing of it is booked.",
    LineCondition.QUARANTINED: "A person or the poster froze the line at what is booked, and runs leave it out.",
    LineCondition.BELOW_JOIN: "An assertion that knows all events of the line is still to come, and runs leave it out.",
    LineCondition.SECOND_OWNER: "The line is booked once, for the newer truth. The other claim does not stand.",
}
_REMEDIES = {
    LineCondition.UNPRICED: "Publish a plan that covers the brand, or leave it if no commission was agreed.",
    LineCondition.SET_ASIDE: "Publish a corrected version of the plan, or agree on the order with the brand.",
    LineCondition.QUARANTINED: "Look at the order, then let the line go: koc settlement release LINE.",
    LineCondition.BELOW_JOIN: "Nothing while events come in. If a line stays here for an hour, look at the lag.",
    LineCondition.SECOND_OWNER: "Ask the backend which buyer is right, and that an order_id is never used again.",
}
_UNPRICED_WORDS = {"no_plan": "no plan covers it"}
_LAG_WORDS = {
    CLICKS.name: ("Clicks", "attribution"),
    ORDERS.name: ("Order events", "attribution"),
    REGISTRY.name: ("Plans and relations", "the poster"),
    CREDITS.name: ("Credits", "the poster"),
    REPRICE_JOBS: ("Pricing anew", "the poster"),
    UNPUBLISHED: ("Entries to publish", "the relay"),
    UNPUBLISHED_COMMANDS: ("Commands to publish", "the relay"),
    UNPUBLISHED_STATEMENTS: ("Statements to publish", "the relay"),
}


class HealthCheck(NamedTuple):
    """One thing that is looked at: its name, its meaning, its state; what to do, and where, if it is not good."""

    name: str
    meaning: str
    state: WordsCell
    remedy: str = ""
    href: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether its value was read: while it was not, nobody can say that all is well."""
        return self.state not in (_UNREAD, _UNREADABLE)

    @property
    def needs_somebody(self) -> bool:
        """Whether something is known not to be as it should be, or to wait."""
        return self.is_known and self.state.tone != GOOD


class BooksState(NamedTuple):
    """What one snapshot of the books says at once."""

    lines: LineCounts
    unpriced: Sequence[UnpricedLines]
    runs: Sequence[UnfinishedRun]
    months: Sequence[str]
    unpublished: int


class LagRow(NamedTuple):
    """How far one reader is behind one log: English names of both, the topic, and how many records."""

    what: str
    reader: str
    topic: str
    missing: int


def show_health(request: Request) -> Response:
    """All checks, and the lag as a part that refreshes itself."""
    watch = console_of(request).watch
    part = request.query_params.get("part")
    if part == "lag":
        return render(request, "health_lag.html", **_lag_values(watch.lag.look(FIRST_READING_SECONDS)))
    balances, seals = watch.balances.look(FIRST_READING_SECONDS), watch.seals.look()
    is_read = balances.is_read and seals.is_read
    if part == "ready":
        # a page that waits for checks loads itself anew once they are read, or have failed
        return Response(headers={"hx-refresh": "true"}) if is_read else Response(status_code=204)
    with reading(request) as connection:
        books = books_state(connection)
    return render(
        request, "health.html", room="Health",
        checks=[*balance_checks(balances), *line_checks(books), *work_checks(books), *seal_checks(seals)],
        is_read=is_read, is_sure=balances.is_sure and seals.is_sure,
        as_of=None if balances.value is None else moment(balances.as_of), problem=balances.problem or seals.problem,
        **_lag_values(watch.lag.look()),
    )  # fmt: skip


def show_lines(request: Request) -> Response:
    """The lines of one condition, those that wait longest first."""
    try:
        condition = LineCondition(request.path_params["condition"].replace("-", "_"))
    except ValueError:
        raise HTTPException(404, "there is no list of this name") from None
    return render(
        request, "health_lines.html", room="Health", title=_TITLES[condition], meaning=_MEANINGS[condition],
        remedy=_REMEDIES[condition], tables=[_line_table(request, condition)],
    )  # fmt: skip


def books_state(connection: Connection) -> BooksState:
    """Everything that indexes and small tables say."""
    unpublished = sum(unpublished_entries(connection).values())
    unpublished += count_unpublished_commands(connection) + count_unpublished_statements(connection)
    return BooksState(
        count_lines(connection),
        unpriced_lines(connection),
        unfinished_runs(connection),
        months_without_statements(connection),
        unpublished,
    )


def balance_checks(found: LastReading[BalanceCheck]) -> list[HealthCheck]:
    """What all accounts say; while that is not known the checks say so."""
    value, unknown = found.value, _unknown(found)
    broken = [] if value is None else [MoneyCell(amount, of) for of, amount in value.totals_minor.items() if amount]
    wrong = "; ".join(f"{amount} {amount.currency}" for amount in broken)
    return [
        HealthCheck(
            "Debit and credit are equal",
            "The balances of all accounts come to zero in each currency.",
            unknown if value is None else WordsCell(wrong, BAD) if wrong else _SOUND,
            "A person must look now: docs/runbook.md, section on the trial balance.",
        ),
        _counted(
            "Accounts that owe and should not",
            "Pending, payable and held accounts only ever hold what we owe.",
            unknown if value is None else value.in_debit,
            "A person must look now: koc ledger verify names the accounts.",
        ),
        _counted(
            "Budgets over their limit",
            "Refunds were reversed, or a limit was lowered: runs grant nothing more of such a budget.",
            unknown if value is None else value.over_budget,
            "Agree on a new limit with the brand, or leave it.",
            tone=WAIT,
        ),
        _counted(
            "Script fees and traffic of unknown contents",
            "Nobody has registered their content, so nothing is booked for them.",
            unknown if value is None else value.unregistered,
            "Publish content.registered, or the event again with the right content_id.",
            tone=WAIT,
        ),
    ]


def line_checks(books: BooksState) -> list[HealthCheck]:
    """Lines that something is wrong with, each with its list."""
    counts = books.lines
    unpriced = sum(one.lines for one in books.unpriced)
    amounts: dict[str, int] = {}
    for one in books.unpriced:
        amounts[one.currency] = amounts.get(one.currency, 0) + one.amount_minor
    money = ", ".join(f"{MoneyCell(amount, of)} {of}" for of, amount in sorted(amounts.items()))
    of_lines = {
        LineCondition.UNPRICED: (unpriced, Sentence("{count:,} · {money}", count=unpriced, money=money)),
        LineCondition.SET_ASIDE: (counts.set_aside, Sentence("{count:,}", count=counts.set_aside)),
        LineCondition.QUARANTINED: (counts.quarantined, Sentence("{count:,}", count=counts.quarantined)),
        LineCondition.BELOW_JOIN: (counts.below_join, Sentence("{count:,}", count=counts.below_join)),
        LineCondition.SECOND_OWNER: (counts.second_owner, Sentence("{count:,}", count=counts.second_owner)),
    }
    return [
        HealthCheck(
            _TITLES[condition],
            _MEANINGS[condition],
            WordsCell(said, BAD if condition is LineCondition.SET_ASIDE else WAIT) if count else _NONE,
            _REMEDIES[condition],
            line_list_href(condition),
        )
        for condition, (count, said) in of_lines.items()
    ]


def work_checks(books: BooksState) -> list[HealthCheck]:
    """What was begun and is not done."""
    run = books.runs[0] if books.runs else None
    months = ", ".join(books.months)
    return [
        HealthCheck(
            "Unfinished runs",
            "Settled and unsettled lines stand side by side until the run is done; each of them is balanced.",
            _NONE if run is None else WordsCell(Sentence("{run}, since {moment}", run=run.id, moment=moment(run.since)),
                                                BAD),
            "Start koc settlement run again: it finishes this run first.",
            None if run is None else path("run", run.id),
        ),
        HealthCheck(
            "Closed months without statements",
            "The month is closed and sealed; its statements are still to be made.",
            WordsCell(months, BAD) if months else _NONE,
            "Give the command again that closed the month: it goes on where it was.",
        ),
        _counted("Plans still to be applied", "New plans or relations price lines anew; runs wait for that.",
                 books.lines.reprice_jobs, "Nothing while it becomes less. If it does not, look at the posters.",
                 tone=WAIT),
        _counted("Entries, commands and statements to publish", "They are booked, and not in their topics yet.",
                 books.unpublished, "Nothing while it becomes less. If it does not, look at the relay.", tone=WAIT),
    ]  # fmt: skip


def seal_checks(found: LastReading[SealCheck]) -> list[HealthCheck]:
    """The seals of closed months, proven one after the other while somebody looks at this page."""
    value = found.value
    state = _unknown(found)
    if value is not None:
        broken = Sentence("broken: {count:,}", count=value.broken)
        proven = Sentence("none broken, proofs so far: {count:,}", count=value.turns)
        state = WordsCell(broken, BAD) if value.broken else WordsCell(proven, GOOD)
    return [
        HealthCheck(
            "Seals of closed months",
            "Each seal is what the journal adds up to for its month, and nothing was booked into the month later.",
            state,
            "A person must look now: koc ledger verify says which month, and what is different.",
        )
    ]


def lag_rows(distances: Sequence[LogDistance]) -> list[LagRow]:
    """How far each reader is behind each log, in the order of the pipeline; 0 = it has read all."""
    behind: dict[str, int] = {}
    for one in distances:
        behind[one.what] = behind.get(one.what, 0) + one.missing
    return [LagRow(what, reader, name, behind.get(name, 0)) for name, (what, reader) in _LAG_WORDS.items()]


def line_list_href(condition: LineCondition) -> str:
    """The address of a list of lines."""
    return path("health", condition.value.replace("_", "-"))


def _lag_values(found: LastReading[list[LogDistance]]) -> dict[str, Any]:
    return {
        "lag": None if found.value is None else lag_rows(found.value),
        "lag_as_of": moment(found.as_of),
        "lag_problem": found.problem,
    }


def _unknown(found: LastReading[Any]) -> WordsCell:
    """The state of a check while there is no value."""
    return _UNREAD if found.problem is None else _UNREADABLE


def _counted(name: str, meaning: str, count: int | WordsCell, remedy: str, tone: str = BAD) -> HealthCheck:
    """A check that is good at 0; words instead of a count say why it is not known."""
    if isinstance(count, int):
        count = WordsCell(Sentence("{count:,}", count=count), tone) if count else _NONE
    return HealthCheck(name, meaning, count, remedy)


def _line_table(request: Request, condition: LineCondition) -> PageTable:
    columns = (
        Column("order_id", "Order", CellKind.CODE),
        Column("line_id", "Line", CellKind.CODE),
        Column("buyer_id", "Buyer", CellKind.CODE),
        Column("since", "Below its join since" if condition is LineCondition.BELOW_JOIN else "Paid at"),
        Column("reason", "Why"),
        Column("amount", "Not priced" if condition is LineCondition.UNPRICED else "Charged now", CellKind.NUMBER),
        Column("currency", "Currency"),
    )
    rows = books_rows(
        request, (int, str, str, int), lambda books, *at: page_of_lines(books, condition, *at), _line_cells
    )
    return PageTable("lines", _TITLES[condition], columns, rows, "There are none.")


def _line_cells(one: ListedLine) -> list[CellValue]:
    return [
        LinkCell(one.order_id, path("order", one.order_id)),
        one.line_id,
        one.buyer_id,
        None if one.since is None else moment(one.since),
        WordsCell(_UNPRICED_WORDS.get(one.reason, one.reason)),
        MoneyCell(one.amount_minor, one.currency),
        one.currency,
    ]


ROUTES = (Route("/health", show_health), Route("/health/{condition}", show_lines))
"""The lists behind the counts have addresses of their own, so that they can be pasted."""
