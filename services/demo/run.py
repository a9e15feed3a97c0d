"""The demo from the first event to the proof: starts a stack of its own, publishes, settles twice, and shows."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection

from services.demo import conversion_paths, figures, month_end, poison, settling_facts, shop_week
from services.demo.events import record
from services.demo.second_wave import Wave, quiet_first, second_wave
from services.demo.telling import Demo, Say, short
from services.kernel.time import format_rfc3339
from services.operations.drain.drain import NotDrained
from services.operations.drain.positions import wait_until_drained
from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from services.runtime.settings import settings
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.book.entries import Kind

DRAIN_SECONDS = 170.0
SHOWN_KINDS = frozenset(Kind) - {
    Kind.SCRIPT_FEE_RESTORED, Kind.CLAWBACK_RELEASED, Kind.CLAWBACK_WRITTEN_OFF, Kind.CLAWBACK_WRITTEN_BACK,
    Kind.CLAWBACK_REPAID, Kind.BRAND_PAID, Kind.TRAFFIC_BOUGHT, Kind.ADJUSTMENT_POSTED, Kind.TAX_WITHHELD,
    Kind.PAYOUT_CANCELLED, Kind.PAYOUT_RETURNED,
}  # fmt: skip
"""Kinds of entries that the demo brings about."""
_ACCRUALS = (Kind.COMMISSION_ACCRUED, Kind.COMMISSION_ADJUSTED, Kind.SCRIPT_FEE_ACCRUED, Kind.SPEND_CONSUMED)
"""Kinds of which the number of entries depends on what arrived when; what they come to does not."""


@dataclass(frozen=True)
class Flow:
    """How it went: events published, and the seconds until the last of them was in the ledger topic."""

    events: int
    seconds: float


def demo(folder: Path, orders: int, say: Say) -> bool:
    """Run it all on a fresh stack in `folder`, which is down again afterwards; whether everything came out right."""
    stack, told = Stack(folder), Demo(say)
    told.title(f"Real Kafka and PostgreSQL, one attribution worker, poster and relay, in {short(folder)}")
    stack.reset()
    stack.up(lambda line: say(f"   {line}"))
    try:
        os.environ.update(stack.environment())
        settings.cache_clear()
        _tell(told, orders, folder)
    except NotDrained as problem:
        told.problems.append(f"{problem}; the logs are in {short(stack.layout.log)}")
    finally:
        say("   stopping")
        stack.down()
    for sentence in told.problems:
        say(f"   ! {sentence}")
    return not told.problems


def _tell(told: Demo, orders: int, folder: Path) -> None:
    """The demo's sections after the first."""
    week = shop_week.shop_week(orders)
    wave = second_wave(week)
    # a week, and what it earned
    told.title("Publishing 19,785 real conversion paths and a generated shop week with")
    told.say("   refunds, duplicates, late touches and ten kinds of poison")
    flow = _published(told, _stages(week))
    with engine("reader").connect() as books:
        _show_earned(told, books)
        _keep_money(told, books)
    # a run, what happens to settled orders, and another run
    _settle(told, shop_week.FIRST_RUN, "what was received and is past its return window")
    _show_wave(told, wave)
    _settle(told, shop_week.SECOND_RUN, "the rest of the week, and net what parties owe back")
    # the month's end: who is paid, and a seal
    paid = month_end.pay(told, week.registry, folder)
    with engine("reader").connect() as books:
        _keep_money(told, books)
    month_end.close(told, (month_end.MONTH_BEFORE, month_end.MONTH), paid, folder)
    # what it all came to
    with engine("reader").connect() as books:
        _show_money(told)
        _show_kinds(told, books)
        explained = figures.clawed_back_order(books, quiet_first(week, wave.hit["half"]))
    if explained:
        told.show("An order that was settled, then refunded by half", "explain", explained)
    told.show("What was refused", "dlq", "list")
    told.show("Who decided what", "commands", "list")
    with engine("reader").connect() as books:
        _show_trial_balance(told, books)
    told.show("The proof", "ledger", "verify")
    told.title(f"Through the whole path: {flow.events:,} events in {flow.seconds:.1f} s")
    told.say(f"   {flow.events / flow.seconds:,.0f} events per second")


def _published(told: Demo, stages: Iterable[tuple[str, Iterable[Outgoing]]]) -> Flow:
    """Publish all stages and wait until they are in the ledger topic."""
    began = time.monotonic()
    events = 0
    for name, records in stages:
        counts = publish(records, lambda _: None)
        events += sum(counts.values())
        told.say(f"   {events:9,} published after {time.monotonic() - began:4.1f} s: {name}")
    wait_until_drained(DRAIN_SECONDS, _Paced(told.say, began))
    flow = Flow(events, time.monotonic() - began)
    told.say(f"   all in the ledger topic after {flow.seconds:.1f} s")
    return flow


def _stages(week: shop_week.Week) -> Iterator[tuple[str, Iterable[Outgoing]]]:
    """What is published, in order: half of the week's reference data comes after the orders that it prices."""
    half = len(week.registry) // 2
    yield "plans, relations, contents", map(record, chain(conversion_paths.registry(), week.registry[:half]))
    yield "conversion paths", map(record, conversion_paths.events())
    yield "shop week", map(record, shop_week.arrivals(week.log, seed=1))
    yield "the rest of the plans and relations, late", map(record, week.registry[half:])
    bad = [one.record for one in (*poison.bad(), *poison.registry())]
    yield "poison", [*poison.good(), *bad, *poison.misplaced(), *poison.afterwards()]


def settled_orders_text(wave: Wave) -> tuple[str, str]:
    """What happens to settled orders, in two lines."""
    hit = {name: len(orders) for name, orders in wave.hit.items()}
    refunds, lost = hit["refund"] + hit["half"] + hit["reversal"], settling_facts.EACH
    return (
        f"What happens to settled orders: {refunds} refunds ({hit['reversal']} of them reversed),",
        f"   {hit['cancellation']} cancellations, {hit['late touch']} late touches, {lost} lost disputes",
    )


def _show_wave(told: Demo, wave: Wave) -> None:
    """Publish what happens to settled orders, and show who then owes most back."""
    first, second = settled_orders_text(wave)
    told.title(first)
    told.say(second)
    facts = "disputes, holds, removals", map(record, wave.registry)
    _published(told, [facts, ("order events and touches", map(record, shop_week.arrivals(wave.log, seed=2)))])
    with engine("reader").connect() as books:
        _keep_money(told, books)
        told.title("Who then owes most back (in minor units)")
        for debt in figures.top_debts(books):
            told.say(f"   {debt.party:16} {debt.amount_minor:>10,} {debt.currency}")


class _Paced:
    """Passes on at most a line every two seconds."""

    def __init__(self, say: Say, began: float) -> None:
        self._say, self._began, self._last = say, began, 0.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= 2:
            self._last = now
            short = line if len(line) < 110 else f"{line[:107]}..."
            self._say(f"   {now - self._began:5.1f} s  on its way: {short}")


def _settle(told: Demo, as_of: int, what: str) -> None:
    """A run, and the digest after it."""
    moment = format_rfc3339(as_of)
    told.show(
        f"Settle {what}", "settlement", "run", "--as-of", moment, "--id", f"run-{moment[:10]}", "--reason", "weekly"
    )
    told.say("   the digest after it, the same on every machine:")
    told.run("ledger", "digest")
    with engine("reader").connect() as books:
        _keep_money(told, books)


def _keep_money(told: Demo, books: Connection) -> None:
    told.money.append(figures.where_the_money_lies(books))


def _show_earned(told: Demo, books: Connection) -> None:
    told.title("Who earned most (pending, in minor units)")
    for earned in figures.top_kocs(books):
        told.say(f"   {earned.party:12} {earned.amount_minor:>14,} {earned.currency}")
    told.title("Last click over the conversion paths, against the published totals")
    counted = figures.last_clicks(books)
    for channel, published in conversion_paths.LAST_CLICK.items():
        if counted[channel] != published:
            told.problems.append(f"{channel} has {counted[channel]} conversions, not {published}")
        told.say(f"   {channel:12} {counted[channel]:7,}   published {published:7,}")


def _show_money(told: Demo) -> None:
    """A row a kind of account, a column a stage."""
    told.title(f"Where the money lies ({figures.CURRENCY})")
    stages = ("before", "first run", "second wave", "second run", "payouts")
    told.say(f"   {'':28}" + "".join(f"{stage:>14}" for stage in stages))
    for row, (title, _, _) in enumerate(figures.MONEY_ROWS):
        told.say(f"   {title:28}" + "".join(f"{_amount(stage[row]):>14}" for stage in told.money))


def _show_kinds(told: Demo, books: Connection) -> None:
    found = figures.entries_by_kind(books)
    told.title(f"What runs, the second wave, and payouts booked ({figures.CURRENCY})")
    for one in found:
        if one.kind in _ACCRUALS:
            continue
        told.say(f"   {one.kind.text:24} {one.entries:8,} entries {_amount(one.moved_minor):>14}")
    missing = SHOWN_KINDS - {one.kind for one in found}
    told.problems += [f"no entry is of the kind {kind.text}" for kind in Kind if kind in missing]


def _show_trial_balance(told: Demo, books: Connection) -> None:
    told.title("Trial balance")
    for currency, debit, credit in figures.trial_balance(books):
        if debit != credit:
            told.problems.append(f"the accounts in {currency} do not add up to zero")
        told.say(f"   {currency}  debit {debit:,}  credit {credit:,}  difference {debit - credit}")


def _amount(minor: int) -> str:
    return decimal_text(minor, figures.CURRENCY)
