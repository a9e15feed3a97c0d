"""The first page: the questions that people come with, and what needs a person now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.kept import LastReading
from services.console.pages.health import (
    BAD,
    WAIT,
    BooksState,
    HealthCheck,
    balance_checks,
    books_state,
    lag_rows,
    line_checks,
    seal_checks,
    work_checks,
)
from services.console.render import moment, render
from services.console.shelf import ShelfContents
from services.console.state import console_of
from services.console.values import LinkCell, MomentCell, path
from services.kernel.sentences import Sentence
from services.kernel.time import DAY, HOUR, MINUTE, to_micros
from services.operations.drain.drain import LogDistance
from services.settlement.books.lookups.waiting import WaitingBatch, count_refused_payouts, waiting_batches

_SECOND_READER = "A person has to approve them who did not propose them."


class Need(NamedTuple):
    """Something that needs a person: what it is, how it stands, what to do, where, and how pressing (wait or bad)."""

    what: str
    state: str
    remedy: str
    link: LinkCell
    tone: str


class WaitingPayouts(NamedTuple):
    """What is unsettled of payouts: batches with payouts that wait, refused payouts, and now (microseconds)."""

    batches: Sequence[WaitingBatch]
    refused: int
    now: int


def show_home(request: Request) -> Response:
    """The overview; what takes long to read comes as a part of its own once it is read."""
    part = request.query_params.get("part")
    if part == "kafka":
        return render(request, "home_kafka.html", **_of_kafka(request))
    if part == "books":
        return render(request, "home_books.html", **_of_books(request))
    return render(request, "home.html", room="Overview", **_of_books(request), **_of_kafka(request))


def _of_books(request: Request) -> dict[str, Any]:
    """What the part about the books shows."""
    watch = console_of(request).watch
    balances, seals = watch.balances.look(), watch.seals.look()
    with reading(request) as connection:
        books, payouts = books_state(connection), _payouts(connection)
    checks = [*balance_checks(balances), *seal_checks(seals)]
    needs = [*payout_needs(payouts), *book_needs(books), *check_needs(checks)]
    return {
        "needs": sorted(needs, key=lambda need: need.tone != BAD),
        "are_books_read": balances.is_read and seals.is_read,
        "are_books_sure": balances.is_sure and seals.is_sure,
        "books_problem": balances.problem or seals.problem,
        "balances_as_of": _as_of(balances),
    }


def _of_kafka(request: Request) -> dict[str, Any]:
    """What the part about Kafka shows."""
    console = console_of(request)
    shelf, lag = console.shelf.reading.look(), console.watch.lag.look()
    return {
        "kafka_needs": kafka_needs(shelf, lag),
        "is_kafka_read": shelf.is_read and lag.is_read,
        "is_kafka_sure": shelf.is_sure and lag.is_sure,
        "kafka_problem": shelf.problem or lag.problem,
        "kafka_as_of": _as_of(shelf, lag),
    }


def payout_needs(payouts: WaitingPayouts) -> list[Need]:
    """Payouts that wait for an approval or a reply, and those that a bank refused."""
    needs = []
    proposed = [one for one in payouts.batches if not one.is_approved]
    approved = [one for one in payouts.batches if one.is_approved]
    if proposed:
        count, age = sum(one.payouts for one in proposed), _age(payouts.now - proposed[0].since)
        said = Sentence("{count:,}, the oldest for {age}", count=count, age=age)
        needs.append(Need("Payouts that wait for approval", said, _SECOND_READER, _batch_link(proposed), WAIT))
    if approved:
        count, age = sum(one.payouts for one in approved), _age(payouts.now - approved[0].since)
        said = Sentence("{count:,}, the oldest for {age}", count=count, age=age)
        remedy = "Export them if that is not done, and read the bank's reply."
        needs.append(Need("Payouts that wait for the bank's reply", said, remedy, _batch_link(approved), WAIT))
    if payouts.refused:
        said, remedy = Sentence("{count:,}", count=payouts.refused), "Have the payee corrected, then release them."
        needs.append(Need("Payouts that the bank refused", said, remedy, LinkCell("Payouts", "/payouts"), BAD))
    return needs


def book_needs(books: BooksState) -> list[Need]:
    """What the books say of themselves at once."""
    return check_needs([*work_checks(books), *line_checks(books)])


def check_needs(checks: Sequence[HealthCheck]) -> list[Need]:
    """Checks that are known not to be good; the page says that others are not known."""
    return [
        Need(
            check.name,
            check.state.text,
            check.remedy,
            LinkCell("Show them", check.href) if check.href else LinkCell("Health", "/health"),
            check.state.tone,
        )
        for check in checks
        if check.needs_somebody
    ]


def kafka_needs(shelf: LastReading[ShelfContents], lag: LastReading[list[LogDistance]]) -> list[Need]:
    """Refused events that nobody has sent again, and what is still to be read."""
    needs = []
    if shelf.value is not None and (shelf.value.waiting or shelf.value.dropped):
        said = _waiting_letters(shelf.value)
        remedy = "Each group says whether to mend the events, to send them again, or to leave them."
        link = LinkCell("Refused events", "/dead-letters")
        needs.append(Need("Refused events that nobody has sent again", said, remedy, link, BAD))
    for row in lag_rows(lag.value or []):
        if row.missing:
            said = Sentence("{count:,} still to be read", count=row.missing)
            needs.append(Need(row.what, said, "Nothing while it becomes less.", LinkCell("Health", "/health"), WAIT))
    return needs


def _payouts(connection: Connection) -> WaitingPayouts:
    return WaitingPayouts(waiting_batches(connection), count_refused_payouts(connection), to_micros(datetime.now(UTC)))


def _waiting_letters(contents: ShelfContents) -> Sentence:
    """How many refused events wait; those that a console keeps no more are not among them."""
    count, groups = len(contents.waiting), len(contents.groups())
    known = Sentence("{count:,}, in {groups} groups", count=count, groups=groups)
    if not contents.dropped:
        return known
    return Sentence("{known}; {count:,} older ones are not counted here", known=known, count=contents.dropped)


def _as_of(*found: LastReading[Any]) -> MomentCell | None:
    """The moment of the older of these readings; None = none was made."""
    moments = [one.as_of for one in found if one.value is not None]
    return moment(min(moments)) if moments else None


def _batch_link(batches: Sequence[WaitingBatch]) -> LinkCell:
    if len(batches) == 1:
        return LinkCell(batches[0].id, path("batch", batches[0].id))
    return LinkCell("Payouts", "/payouts")


def _age(micros: int) -> str:
    """How long something waits, in words."""
    if micros >= 2 * DAY:
        return Sentence("{days:,} days", days=micros // DAY)
    if micros >= 2 * HOUR:
        return Sentence("{hours} hours", hours=micros // HOUR)
    return Sentence("{minutes} minutes", minutes=max(0, micros) // MINUTE)


ROUTES = (Route("/", show_home),)
