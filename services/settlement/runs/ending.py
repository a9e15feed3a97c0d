"""The end of a run: script fees, budgets and nets, in one transaction of writer N."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.topics import CREDITS
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange, PostedEntry
from services.settlement.books.run_ports import FeeBooked, NetTransaction, StoredRun
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import Budget, commit_budget
from services.settlement.domain.settling.contents import settle_script_fee
from services.settlement.domain.settling.netting import net_rows
from services.settlement.domain.settling.plan_hash import ContentPlan
from services.settlement.domain.settling.transfers import Occasion

WRITER_N = CREDITS.partitions


def end_run(transaction: NetTransaction, run: StoredRun, reference: Reference, zone_minutes: int) -> None:
    """Book what belongs to no line, within a transaction that the caller commits; done before, it books nothing."""
    transaction.lock_shared()
    writers = transaction.lock_writers({WRITER_N})
    if transaction.run_status(run.id) == "done":
        return
    moment = transaction.moment(reference)
    builder = EntryBuilder(writers, moment, zone_minutes, PostingCounts())
    occasion = Occasion(f"settlement run {run.id}", run.as_of)
    fees = [_settle_fee(builder, run, *planned, occasion) for planned in transaction.planned_contents(run.id)]
    entries = [
        *(entry for posted, _ in fees for entry in posted),
        *(entry for budget in run.counts["budgets"] for entry in _budget(builder, run, budget, occasion)),
        *_nets(transaction, builder, run, occasion),
    ]
    transaction.write([LineChange(entries)], [], writers, moment.now)
    transaction.put_script_fees([fee for _, fee in fees])
    transaction.finish_run(run.id)


def _settle_fee(
    builder: EntryBuilder, run: StoredRun, plan: ContentPlan, fee: FeeBooked, occasion: Occasion
) -> tuple[list[PostedEntry], FeeBooked]:
    """The entry of a settled script fee, and the fee as it stands after the run."""
    legs, booked = settle_script_fee(fee.booked, fee.settled, plan.settled)
    row = EntryDraft(Kind.SCRIPT_FEE_SETTLED, "", occasion.cause, occasion.effective_at, legs)
    idem = f"run|{run.id}|script_fee|{plan.content_id}|{plan.currency}"
    posted = builder.build(WRITER_N, idem, [row] if legs else [], plan.currency, None)
    return posted, FeeBooked(fee.content_id, fee.currency, booked, plan.settled)


def _budget(builder: EntryBuilder, run: StoredRun, budget: Mapping[str, Any], occasion: Occasion) -> list[PostedEntry]:
    """The entry that brings a budget's committed sum to what its lines take."""
    campaign_id, currency = budget["campaign_id"], budget["currency"]
    found = Budget(budget["limit_minor"], budget["committed_minor"], budget["worth_minor"])
    rows = commit_budget(campaign_id, found, budget["charged_minor"], occasion)
    return builder.build(WRITER_N, f"run|{run.id}|budget|{campaign_id}|{currency}", rows, currency, None)


def _nets(
    transaction: NetTransaction, builder: EntryBuilder, run: StoredRun, occasion: Occasion
) -> Iterator[PostedEntry]:
    """The entries of the parties' nets."""
    for plan in transaction.planned_parties(run.id):
        rows = net_rows(plan.party, plan.net, occasion)
        yield from builder.build(WRITER_N, f"run|{run.id}|{plan.party}|{plan.currency}", rows, plan.currency, None)
