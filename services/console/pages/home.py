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
from services.console.render import render
from services.console.shelf import ShelfContents
from services.console.state import console_of
from services.console.values import LinkCell, path
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
    """The overview; what Kafka says comes as a part of its own once it is read."""
    console = console_of(request)
    shelf, lag = console.shelf.reading.look(), console.watch.lag.look()
    of_kafka: dict[str, Any] = {
        "kafka_needs": kafka_needs(shelf, lag), "is_kafka_known": _is_known(shelf) and _is_known(lag),
        "kafka_problem": shelf.problem or lag.problem,
    }  # fmt: skip
    if request.query_params.get("part") == "kafka":
        return render(request, "home_kafka.html", **of_kafka)
    checks = [*balance_checks(console.watch.balances.look()), *seal_checks(console.watch.seals.look())]
    with reading(request) as connection:
        books, payouts = books_state(connection), _payouts(connection)
    needs = sorted(
        [*payout_needs(payouts), *book_needs(books), *check_needs(checks)], key=lambda need: need.tone != BAD
    )
    return render(request, "home.html", room="Overview", needs=needs, **of_kafka)


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
    """Checks that are not good; those that are still being read need nobody."""
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
    if shelf.value is not None and shelf.value.waiting:
        count, groups = len(shelf.value.waiting), len(shelf.value.groups())
        said = Sentence("{count:,}, in {groups} groups", count=count, groups=groups)
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


def _is_known(found: LastReading[ShelfContents] | LastReading[list[LogDistance]]) -> bool:
    return found.value is not None or found.problem is not None


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
