"""A stack's life in half a minute: events, bad events, a run, payouts in transit and a closed month."""

from itertools import chain

from services.demo import month_end, poison, shop_week
from services.demo.events import record
from services.demo.second_wave import second_wave
from services.operations.drain.positions import wait_until_drained
from services.operations.settle.closing import close_month
from services.operations.settle.propose import proposal_draft, propose
from services.runtime.publishing import publish
from services.settlement.books.closing_transaction import CLOSING_SESSION
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.payout_store import payout_store
from services.settlement.books.run_store import run_store
from services.settlement.payouts.approve import approve
from services.settlement.periods.close import closing_draft
from tests.kit.run_processes import finish

ORDERS = 150
_WAIT_SECONDS = 120.0


def live() -> None:
    """All of it, on the stack that settings() lead to."""
    week = shop_week.shop_week(ORDERS)
    _flow(week)
    finish(shop_week.FIRST_RUN, "run-1")
    _come_back(week)
    _pay()
    _close()
    wait_until_drained(_WAIT_SECONDS, _hush)


def _flow(week: shop_week.Week) -> None:
    """Half of the reference data comes after the orders it prices; all is in the ledger topic at the end."""
    half = len(week.registry) // 2
    publish(map(record, week.registry[:half]))
    publish(map(record, shop_week.arrivals(week.log, seed=1)))
    publish(map(record, week.registry[half:]))
    bad = [one.record for one in (*poison.bad(), *poison.registry())]
    publish([*poison.good(), *bad, *poison.misplaced(), *poison.afterwards()])
    wait_until_drained(_WAIT_SECONDS, _hush)


def _come_back(week: shop_week.Week) -> None:
    """Refunds, late touches and disputes of settled orders: counters that stood at 0 move once more."""
    wave = second_wave(week)
    publish(map(record, chain(wave.registry, shop_week.arrivals(wave.log, seed=2))))
    wait_until_drained(_WAIT_SECONDS, _hush)


def _pay() -> None:
    """A batch that is approved and that no bank has answered."""
    with payout_store() as store:
        propose(store, proposal_draft(shop_week.PAID_AT, "p1", "a test"), shop_week.PAID_AT, _WAIT_SECONDS, _hush)
    with operator_books("approver") as book:
        approve(book, "p1", "a test", None)


def _close() -> None:
    with operator_books(session=CLOSING_SESSION) as book, run_store() as store:
        draft = closing_draft(book, month_end.MONTH, "a test", None)
        close_month(store, book, draft, month_end.MONTH, _WAIT_SECONDS, _hush)


def _hush(_line: str) -> None:
    pass
