"""The transaction that stores a run's plan: lines stream into it, the rest follows, the command comes last."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Insert, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from schemas.topics import CREDITS
from services.kernel.time import to_datetime
from services.settlement.books import run_tables as tables
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.command_transaction import WRITER_N, CommandTransaction
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.record_command import record
from services.settlement.books.run_ports import BudgetLine, StoredRun
from services.settlement.books.settled_columns import grants_text, shares_accounts, shares_texts
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan
from services.settlement.domain.settling.tiers import TierCounter

_COPY_LINES = (
    "COPY run_line (run, partition, order_id, line_id, buyer_id, position, settled_accounts, settled_amounts, grants,"
    " parts) FROM STDIN"
)
_END_SOON = "SET LOCAL transaction_timeout = '20s'"
_TAKEN_AT_ONCE = 500
_PlannedLine = tuple[LinePlan, str]
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class StoredPlanTransaction(CommandTransaction):
    """`run_ports.PlanTransaction` on PostgreSQL; the caller commits."""

    def terms_of(self, registry_offset: int, as_of: int) -> Terms:
        """The row of these terms; made where it is new, outside the transaction."""
        return self.terms.ensure(registry_offset, as_of)

    def add_run(self, run: StoredRun, point: RunPoint) -> None:
        """The run itself, planned, with a progress row for each partition."""
        row = {
            "id": run.id, "as_of": to_datetime(run.as_of), "status": run.status, "point": point_body(point),
            "terms": run.terms.id, "plan_sha256": run.plan_sha256, "counts": dict(run.counts),
            "by": text("session_user"), "planned_at": text("now()"),
        }  # fmt: skip
        self.connection.execute(insert(tables.run).values(**row))
        progress = [{"run": run.id, "partition": number} for number in range(CREDITS.partitions)]
        self.connection.execute(insert(tables.run_progress), progress)

    def add_lines(self, run: str, lines: Iterable[_PlannedLine]) -> None:
        """COPY the plan's lines as they come."""
        with self.cursor.copy(_COPY_LINES) as copy:
            for some in _portions(lines):
                copy.write(_rows(run, some, self.accounts))

    def add_contents(self, run: str, contents: Sequence[ContentPlan]) -> None:
        """The plan's script fees."""
        wanted = [(key, plan.currency) for plan in contents for key in shares_accounts(plan.settled)]
        self.accounts.ensure(wanted)
        rows = [
            {
                "run": run, "identity": plan.content_id, "currency": plan.currency,
                "settled_accounts": [self.accounts.id(key, plan.currency) for key in shares_accounts(plan.settled)],
                "settled_amounts": list(plan.settled.values()),
            }
            for plan in contents
        ]  # fmt: skip
        self._insert(insert(tables.run_content), rows)

    def add_parties(self, run: str, parties: Sequence[PartyPlan]) -> None:
        """The plan's nets and reserves."""
        rows = [
            {
                "run": run, "party": plan.party, "currency": plan.currency, "settled_minor": plan.settled_minor,
                "reserve_minor": plan.reserve.amount_minor,
                "reserve_until": None if plan.reserve.until is None else to_datetime(plan.reserve.until),
                "written_back_minor": plan.net.written_back, "released_minor": plan.net.released,
                "netted_payable_minor": plan.net.netted_payable, "netted_held_minor": plan.net.netted_held,
                "held_delta_minor": plan.net.held_delta,
            }
            for plan in parties
        ]  # fmt: skip
        self._insert(insert(tables.run_party), rows)

    def put_counters(self, counters: Mapping[TierCounter, int]) -> None:
        """The tiers' counters with their new sums."""
        new = upsert(tables.tier_counter)
        rows = [{**counter._asdict(), "base_minor": base} for counter, base in sorted(counters.items())]
        keys = ("plan_id", "koc_id", "month", "currency")
        self._insert(new.on_conflict_do_update(index_elements=keys, set_={"base_minor": new.excluded.base_minor}), rows)

    def take_slots(self, run: str, slots: Mapping[BonusSlot, Key]) -> None:
        """The bonus slots that lines take."""
        rows = [
            {"brand_id": brand_id, "buyer_id": buyer_id, "order_id": key[0], "line_id": key[1], "run": run}
            for (brand_id, buyer_id), key in sorted(slots.items())
        ]
        self._insert(insert(tables.bonus_slot), rows)

    def put_budget_lines(self, lines: Mapping[tuple[BudgetKey, Key], BudgetLine]) -> None:
        """What lines take of budgets now."""
        new = upsert(tables.budget_line)
        changed = {name: new.excluded[name] for name in ("charged_minor", "vector", "worthless")}
        keys = ("campaign_id", "currency", "order_id", "line_id", "buyer_id")
        rows = [
            {
                **dict(zip(keys, (*budget, *key), strict=True)),
                "charged_minor": line.charged_minor, "vector": list(line.vector), "worthless": line.is_worthless,
            }
            for (budget, key), line in sorted(lines.items())
        ]  # fmt: skip
        self._insert(new.on_conflict_do_update(index_elements=keys, set_=changed), rows)

    def complete_run(self, run: StoredRun) -> None:
        """Its proof and counts, and what it leaves out."""
        values = {"plan_sha256": run.plan_sha256, "counts": dict(run.counts)}
        self.connection.execute(update(tables.run).where(tables.run.c.id == run.id).values(**values))
        self._insert(insert(tables.run_skip), [{"run": run.id, **skip} for skip in run.counts["skipped"]])

    def record(self, draft: CommandDraft, result: JsonObject, point: RunPoint) -> None:
        """Record the command under writer N, locked last."""
        self.cursor.execute(_END_SOON)  # a process that freezes from here on would hold up the registry's reader
        self.lock_shared()
        self.lock_writers({WRITER_N})
        self.check_undecided(point.commands)
        record(self.connection, draft, self.time().now, result, point_body(point))

    def _insert(self, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self.connection.execute(statement, rows)


def point_body(point: RunPoint) -> dict[str, Any]:
    """The point as JSON."""
    return {name: list(value) if isinstance(value, Sequence) else value for name, value in point._asdict().items()}


def _portions(lines: Iterable[_PlannedLine]) -> Iterator[list[_PlannedLine]]:
    rest = iter(lines)
    while some := list(islice(rest, _TAKEN_AT_ONCE)):
        yield some


def _rows(run: str, some: Sequence[_PlannedLine], accounts: AccountIds) -> str:
    """Rows of COPY; accounts that are new are made for all of them at once."""
    try:
        return "".join([_row(run, plan, accounts.of(currency)) for plan, currency in some])
    except KeyError:
        accounts.ensure((key, currency) for plan, currency in some for key in shares_accounts(plan.settled))
        return "".join([_row(run, plan, accounts.of(currency)) for plan, currency in some])


def _row(run: str, plan: LinePlan, of: Mapping[str, int]) -> str:
    order_id, line_id, buyer_id = plan.key
    return (
        f"{run}\t{plan.partition}\t{order_id}\t{line_id}\t{buyer_id}\t{plan.position}\t"
        f"{shares_texts(plan.settled, of)}\t{grants_text(plan.grants)}\t{_encode(plan.parts)}\n"
    )
