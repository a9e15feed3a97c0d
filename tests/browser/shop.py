"""The books that browser tests look at: the demo's shop week made small, two runs, a paid batch and a closed month."""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from services.demo import month_end, poison, shop_week
from services.demo.events import Event, click, later, line, paid, record
from services.demo.second_wave import second_wave
from services.kernel.time import HOUR
from services.operations.drain.positions import wait_until_drained
from services.operations.settle.closing import close_month
from services.operations.settle.propose import proposal_draft, propose
from services.runtime.publishing import Outgoing, publish
from services.settlement.books.closing_transaction import CLOSING_SESSION
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.payout_store import payout_store
from services.settlement.books.run_store import run_store
from services.settlement.payouts.approve import approve
from services.settlement.periods.close import closing_draft
from tests.kit.command import output_of
from tests.kit.run_processes import finish

ORDERS = 150
FIRST_BATCH = "first-half"
HOSTILE = "<script>alert(1)</script>"
"""Stands wherever somebody outside, or a person of ours, may write a text."""
HOSTILE_ORDER = "o_hostile"
_WAIT_SECONDS = 120.0


def live(folder: Path) -> None:
    """All of it, on the stack that settings() lead to.

    Args:
        folder: for payment files.
    """
    week = shop_week.shop_week(ORDERS)
    _flow(week)
    finish(shop_week.FIRST_RUN, "run-2026-09-16")
    _pay(week.registry, folder)
    _come_back(week)
    finish(shop_week.SECOND_RUN, "run-2026-09-30")
    _close()
    wait_until_drained(_WAIT_SECONDS, _hush)


def hostile() -> list[Outgoing]:
    """A touch whose brand is a script, which is refused, and an order that was cancelled for a script."""
    at, buyer = shop_week.BEGIN, "b_hostile"
    touch = record(click("hostile_click", at, buyer, "v_1", "k_1"))
    body = {**json.loads(touch.value), "brand_id": HOSTILE}
    order = paid(HOSTILE_ORDER, at + HOUR, buyer, [line("1", 10_000)])
    end = later("cancelled", "hostile_end", HOSTILE_ORDER, at + 2 * HOUR, buyer, line_ids=None, reason=HOSTILE)
    return [touch._replace(value=json.dumps(body).encode()), record(order), record(end)]


def _flow(week: shop_week.Week) -> None:
    """Half of the reference data comes after the orders it prices; bad events come last."""
    half = len(week.registry) // 2
    publish(map(record, week.registry[:half]))
    publish(map(record, shop_week.arrivals(week.log, seed=1)))
    publish([*map(record, week.registry[half:]), *hostile()])
    bad = [one.record for one in (*poison.bad(), *poison.registry())]
    publish([*poison.good(), *bad, *poison.misplaced(), *poison.afterwards()])
    wait_until_drained(_WAIT_SECONDS, _hush)


def _pay(registry: Iterable[Event], folder: Path) -> None:
    """A batch that is approved, exported, and paid by the banks but for one payout."""
    as_of = shop_week.FIRST_RUN + 12 * HOUR
    with payout_store() as store:
        propose(store, proposal_draft(as_of, FIRST_BATCH, HOSTILE), as_of, _WAIT_SECONDS, _hush)
    with operator_books("approver") as book:
        approve(book, FIRST_BATCH, "the sums agree with the run", None)
    payees, reply = folder / "payees.csv", folder / "reply.csv"
    month_end.write_payee_file(payees, registry)
    output_of("payee", "import", str(payees))
    output_of("payout", "export", FIRST_BATCH, "--output", str(folder / "payments"))
    month_end.write_reply(reply, month_end.instructed(output_of("payout", "show", FIRST_BATCH, "--json")), refused=1)
    output_of("payout", "reply", str(reply))


def _come_back(week: shop_week.Week) -> None:
    """Refunds, late touches and disputes of settled orders: some parties owe back."""
    wave = second_wave(week)
    publish(map(record, chain(wave.registry, shop_week.arrivals(wave.log, seed=2))))
    wait_until_drained(_WAIT_SECONDS, _hush)


def _close() -> None:
    with operator_books(session=CLOSING_SESSION) as book, run_store() as store:
        draft = closing_draft(book, month_end.MONTH, "the month is over", None)
        close_month(store, book, draft, month_end.MONTH, _WAIT_SECONDS, _hush)


def _hush(_line: str) -> None:
    pass
