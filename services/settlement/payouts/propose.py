"""Propose payouts: one snapshot brings each party's money to target, and one transaction books nets and payouts.

From then on the money is in transit, so nothing can ever be in two payouts. Whoever proposes holds RUN: nothing else
moves what is payable or held between the snapshot and the transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.topics import CREDITS
from services.kernel.errors import InvariantBroken
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.net_ports import InCurrency, RunPoint
from services.settlement.books.payout_ports import (
    OpenLegs,
    PayoutSnapshot,
    PayoutStore,
    ProposalTransaction,
    StoredBatch,
    StoredPayout,
)
from services.settlement.books.ports import LineChange, PostedEntry
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandDraft
from services.settlement.domain.book.periods import year_start
from services.settlement.domain.paying.batch_hash import BatchNet, batch_sha256
from services.settlement.domain.paying.entry_sets import NOT_COVERED, EntrySet, entry_set
from services.settlement.domain.paying.payouts import (
    INSTRUCTED,
    PayableParty,
    PayoutPlan,
    SkippedParty,
    decide_payout,
    instruction_rows,
    payout_id,
    tax_rows,
)
from services.settlement.domain.paying.withholding import NO_TAX, TaxTable
from services.settlement.domain.settling.netting import left_by, net_rows
from services.settlement.domain.settling.transfers import Occasion
from services.settlement.netting.nets import PlannedNet, plan_nets
from services.settlement.netting.settled_snapshot import settled_snapshot
from services.settlement.payouts.tally import batch_counts, batch_result

WRITER_N = CREDITS.partitions
_SAY_EVERY = 1_000
_NO_LEGS = OpenLegs((), 0)

ProposalProgress = Callable[[str], None]
"""Told in words what is done, a line at a time."""


class ProposalRequest(NamedTuple):
    """What was asked for: the command, whose id is the batch's, the moment (microseconds), and the settlement zone.

    `zone_minutes` is east of UTC.
    """

    draft: CommandDraft
    as_of: int
    zone_minutes: int
    tax: TaxTable = NO_TAX


class BatchPlan(NamedTuple):
    """What a proposal comes to, before anything of it is booked.

    Attributes:
        point: of its snapshot.
        nets: of which something moves.
        payouts: in the order of party and currency.
        skipped: parties with money that get none.
        open_legs: what is payable to those who are paid, as it stands in the snapshot.
        kept: by party and currency, its lines in an open hold or dispute.
        tax_version: of the tax table.
    """

    point: RunPoint
    nets: Sequence[BatchNet]
    payouts: Sequence[PayoutPlan]
    skipped: Sequence[SkippedParty]
    open_legs: Mapping[InCurrency, OpenLegs]
    kept: Mapping[InCurrency, Sequence[str]]
    tax_version: str

    def counts(self) -> dict[str, Any]:
        """What it comes to, as a batch stores it."""
        return batch_counts(self.payouts, self.skipped, self.tax_version)


def propose_batch(store: PayoutStore, request: ProposalRequest, progress: ProposalProgress) -> StoredBatch:
    """Plan a batch and book it; the caller holds RUN, and no run is unfinished.

    Raises:
        Stalled: lines wait to be priced again for long; or RUN was lost.
    """
    plan = try_batch(store, request, progress)
    with store.proposing() as transaction:
        batch = book_batch(transaction, plan, request)
    progress(f"{batch.counts['payouts']:,} payouts proposed")
    return batch


def try_batch(store: PayoutStore, request: ProposalRequest, progress: ProposalProgress) -> BatchPlan:
    """The plan alone; nothing is stored."""
    with settled_snapshot(store.payout_snapshot, progress) as snapshot:
        return plan_batch(snapshot, request, progress)


def plan_batch(snapshot: PayoutSnapshot, request: ProposalRequest, progress: ProposalProgress) -> BatchPlan:
    """Plan from a snapshot."""
    nets: list[BatchNet] = []
    payouts: list[PayoutPlan] = []
    skipped: list[SkippedParty] = []
    kept: dict[InCurrency, Sequence[str]] = {}
    for count, (net, party) in enumerate(netted_parties(snapshot, request.as_of, request.zone_minutes), 1):
        if count % _SAY_EVERY == 0:
            progress(f"{count:,} parties netted")
        if any(net.net):
            nets.append(BatchNet(net.party, net.currency, net.net))
        decided = decide_payout(party, request.tax)
        if isinstance(decided, PayoutPlan):
            payouts.append(decided)
            kept[net.party, net.currency] = net.kept
        elif decided is not None:
            skipped.append(decided)
    legs = snapshot.open_legs([(plan.party, plan.currency) for plan in payouts])
    return BatchPlan(snapshot.point(), nets, payouts, skipped, legs, kept, request.tax.version)


def netted_parties(
    snapshot: PayoutSnapshot, as_of: int, zone_minutes: int
) -> Iterator[tuple[PlannedNet, PayableParty]]:
    """Each party's net, and what decides on its payout.

    Args:
        snapshot: of the proposal.
        as_of: its moment, microseconds.
        zone_minutes: the settlement zone, minutes east of UTC.
    """
    house = snapshot.reference().houses.at(as_of)
    minima = house.payout_minimum_minor
    payees, departed = snapshot.payees(), snapshot.departed(as_of)
    paid = snapshot.paid_between(year_start(as_of, zone_minutes), as_of)
    for net in plan_nets(snapshot, as_of, house, {}, snapshot.payable_parties()):
        payable, held = left_by(net.given, net.net)
        yield (
            net,
            PayableParty(
                net.party,
                net.currency,
                payable,
                held,
                refused_minor=net.given.refused,
                is_owner_held=net.given.whole_owner_on_hold,
                payee=payees.get(net.party),
                minimum_minor=0 if net.party in departed else minima.get(net.currency, 0),
                paid_this_year_minor=paid.get((net.party, net.currency), 0),
            ),
        )


def book_batch(transaction: ProposalTransaction, plan: BatchPlan, request: ProposalRequest) -> StoredBatch:
    """Book a plan within a transaction that the caller commits.

    Raises:
        InvariantBroken: what a payout covers is not its amount.
        Stalled: somebody has decided something since the snapshot.
    """
    draft = request.draft
    # under writer N, and only if RUN was held all the while
    transaction.lock_shared()
    writers = transaction.lock_writers({WRITER_N})
    transaction.check_undecided(plan.point.commands)
    time = transaction.time()
    builder = EntryBuilder(writers, time, request.zone_minutes, PostingCounts())
    occasion = Occasion(f"payout batch {draft.id}", request.as_of)
    # nets and tax of all parties come before the cut, payouts after it
    moved = _nets_and_tax(builder, plan, draft.id, occasion)
    cut = (*plan.point.seqs[:WRITER_N], writers[WRITER_N].last.seq)
    entries = [entry for posted in moved.values() for entry in posted]
    payouts = []
    for one in plan.payouts:
        key = one.party, one.currency
        covered = _covered(one, plan.open_legs.get(key, _NO_LEGS), moved.get(key, ()))
        payouts.append(StoredPayout(payout_id(draft.id, *key), draft.id, one, INSTRUCTED, covered, kept=plan.kept[key]))
        idem = f"payout|{draft.id}|{one.party}|{one.currency}"
        entries += builder.build(WRITER_N, idem, instruction_rows(one, occasion), one.currency, None)
    transaction.write([LineChange(entries)], [], writers, time.now)
    # the batch, and the command
    proof = batch_sha256(draft.id, plan.nets, plan.payouts)
    counts = plan.counts()
    batch = StoredBatch(draft.id, request.as_of, "proposed", plan.point, cut, proof, counts, "", time.now)
    transaction.add_batch(batch, plan.nets, payouts)
    transaction.record(draft, time.now, batch_result(counts, proof), plan.point)
    return batch


def _nets_and_tax(
    builder: EntryBuilder, plan: BatchPlan, batch: str, occasion: Occasion
) -> dict[InCurrency, list[PostedEntry]]:
    """The entries that come before the cut, by party and currency."""
    rows = {(net.party, net.currency): net_rows(net.party, net.net, occasion) for net in plan.nets}
    for one in plan.payouts:
        if kept_back := tax_rows(one, occasion):
            rows[one.party, one.currency] = [*rows.get((one.party, one.currency), ()), *kept_back]
    return {
        (party, currency): builder.build(WRITER_N, f"payout|{batch}|{party}|{currency}", drafts, currency, None)
        for (party, currency), drafts in rows.items()
    }


def _covered(plan: PayoutPlan, before: OpenLegs, moved: Sequence[PostedEntry]) -> EntrySet:
    """What a payout covers: what was payable in the snapshot, and what the net moved; writer N's entries come last."""
    account = chart.payable(plan.party)
    own = [one for one in moved if account in one.entry.legs and one.entry.kind not in NOT_COVERED]
    entry_ids = [*before.entry_ids, *(f"{one.writer}-{one.link.seq}" for one in own)]
    found = entry_set(entry_ids, before.sum_minor + sum(one.entry.legs[account] for one in own))
    if found.sum_minor != -plan.gross_minor:
        raise InvariantBroken(
            f"the entries of {plan.party} in {plan.currency} add up to {-found.sum_minor}, and {plan.gross_minor} are "
            "to be paid: nothing is proposed; `koc ledger verify` says more"
        )
    return found
