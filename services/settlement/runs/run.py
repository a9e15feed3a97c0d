"""A settlement run: planned once, applied to its end whatever happens between, and recorded as a command.

A run is a function of the credits, registry and commands up to its point and of its moment; `plan_sha256` is the proof.
Whoever comes after a process that ended in the middle finishes its run before planning another.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple

from schemas.topics import CREDITS
from services.settlement.books.run_ports import PlanTransaction, RunSnapshot, RunStore, StoredRun
from services.settlement.domain.book.commands import CommandDraft
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.plan_hash import (
    LinePlan,
    PartyPlan,
    content_digest,
    line_digest,
    party_digest,
    plan_sha256,
)
from services.settlement.netting.nets import plan_nets
from services.settlement.netting.settled_snapshot import settled_snapshot
from services.settlement.runs.ending import end_run
from services.settlement.runs.partitions import PartitionsApplying, Retried, RunProgress
from services.settlement.runs.planning import LinePlanner, plan_contents
from services.settlement.runs.tally import RunTally

_SAY_EVERY = 100_000


class RunRequest(NamedTuple):
    """What was asked for: the command, whose id is the run's, and the moment (microseconds)."""

    draft: CommandDraft
    as_of: int


def plan_run(store: RunStore, request: RunRequest, progress: RunProgress) -> StoredRun:
    """Plan a run in one snapshot and store the plan with its command, in one transaction.

    Raises:
        Stalled: lines wait to be priced again, and do for long.
    """
    with settled_snapshot(store.snapshot, progress) as snapshot, store.planning() as transaction:
        return plan_into(snapshot, transaction, request, progress)


def plan_into(
    snapshot: RunSnapshot, transaction: PlanTransaction, request: RunRequest, progress: RunProgress
) -> StoredRun:
    """Plan from a snapshot into an open transaction; a trial gives one that keeps nothing."""
    point, cases, tally = snapshot.point(), snapshot.open_cases(), RunTally()
    terms = transaction.terms_of(point.registry, request.as_of)
    run = StoredRun(request.draft.id, request.as_of, "planned", terms, b"", {})
    transaction.add_run(run, point)
    # lines stream from the snapshot into the plan
    planner = LinePlanner(snapshot, request.as_of, cases, tally)
    digests: list[bytes] = []
    transaction.add_lines(run.id, _told(_digested(planner.plans(), digests), progress))
    # what belongs to no line
    contents = plan_contents(snapshot, cases, tally)
    house = snapshot.reference().houses.at(request.as_of)
    nets = plan_nets(snapshot, request.as_of, house, tally.parties())
    parties = [PartyPlan(*net[:4], net.net) for net in nets if net.settled_minor or any(net.net)]
    transaction.add_contents(run.id, contents)
    transaction.add_parties(run.id, parties)
    transaction.put_counters(planner.allowances.counted)
    transaction.take_slots(run.id, planner.slots)
    transaction.put_budget_lines(planner.budget_lines)
    # its proof, and the command
    proof = plan_sha256(digests, map(content_digest, contents), map(party_digest, parties))
    counts = {**tally.body(), "budgets": _budgets(planner)}
    planned = run._replace(plan_sha256=proof, counts=counts)
    transaction.complete_run(planned)
    transaction.record(request.draft, {"plan_sha256": proof.hex(), **tally.summary()}, point)
    return planned


def apply_run(
    store: RunStore, run: StoredRun, zone_minutes: int, progress: RunProgress, retried: Retried, threads: int = 1
) -> None:
    """Apply a plan to its end, from wherever it is.

    Args:
        store: whose chunks may be opened by several threads, if `threads` is above one.
        run: planned.
        zone_minutes: the settlement zone, minutes east of UTC.
        progress: told how many lines are settled.
        retried: tries each transaction.
        threads: how many partitions are settled at a time: one waits for the database while another makes entries.
    """
    applying = PartitionsApplying(store, run, zone_minutes, progress, retried)
    with ThreadPoolExecutor(threads, "applying") as pool:
        jobs = [pool.submit(applying.settle, partition) for partition in range(CREDITS.partitions)]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            applying.stopping = True
            pool.shutdown(cancel_futures=True)
            raise

    def end() -> None:
        with store.ending() as transaction:
            end_run(transaction, run, Reference(), zone_minutes)

    retried(end)


_Planned = tuple[LinePlan, str]


def _digested(plans: Iterable[_Planned], digests: list[bytes]) -> Iterator[_Planned]:
    """The plans as they come, each with its digest kept."""
    for plan, currency in plans:
        digests.append(line_digest(plan))
        yield plan, currency


def _told(plans: Iterable[_Planned], progress: RunProgress) -> Iterator[_Planned]:
    """The plans as they come, with a word now and then."""
    for count, plan in enumerate(plans, 1):
        yield plan
        if count % _SAY_EVERY == 0:
            progress(f"{count:,} lines planned")


def _budgets(planner: LinePlanner) -> list[dict[str, Any]]:
    """What the run finds of each budget, and what it charges; see domain.settling.budgets."""
    return [
        {
            "campaign_id": key.campaign_id,
            "currency": key.currency,
            **budget._asdict(),
            "charged_minor": planner.charged[key],
        }
        for key, budget in sorted(planner.budgets.items())
        if any(budget) or planner.charged[key]
    ]
