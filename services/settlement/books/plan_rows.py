"""Rows of runs and of their plans, said once: which columns, and what they are in the domain."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import to_micros
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.run_ports import StoredRun
from services.settlement.books.settled_columns import read_grants, read_shares
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.settling.netting import NetResult, Reserve
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan

RUNS = """
SELECT run.id, run.as_of, run.status, run.plan_sha256, run.counts, run.terms, terms.registry_offset, terms.as_of,
  run.point
FROM run JOIN terms ON terms.id = run.terms
"""
LINE_PLAN = "partition, order_id, line_id, buyer_id, position, settled_accounts, settled_amounts, grants, parts"
"""Columns of run_line."""
CONTENT_PLANS = """
SELECT identity, currency, settled_accounts, settled_amounts FROM run_content WHERE run = %s ORDER BY 1, 2
"""
PARTY_PLANS = """
SELECT party, currency, settled_minor, reserve_minor, reserve_until, written_back_minor, released_minor,
  netted_payable_minor, netted_held_minor, held_delta_minor
FROM run_party WHERE run = %s ORDER BY party, currency
"""


PARTY_NETS = PARTY_PLANS.replace("SELECT", "SELECT run,").replace("run = %s", "run = ANY(%s) AND party = ANY(%s)")
"""The same of some runs and parties; the run comes first."""


def read_run(row: Sequence[Any]) -> tuple[StoredRun, RunPoint]:
    """A row of RUNS."""
    run_id, as_of, status, plan_sha256, counts, terms_id, registry_offset, terms_as_of, point = row
    terms = Terms(terms_id, registry_offset, to_micros(terms_as_of))
    return StoredRun(run_id, to_micros(as_of), status, terms, bytes(plan_sha256), counts), RunPoint(**point)


def read_line_plan(row: Sequence[Any], accounts: AccountIds) -> LinePlan:
    """A row of LINE_PLAN."""
    partition, order_id, line_id, buyer_id, position, settled, settled_amounts, grants, parts = row
    return LinePlan(
        partition,
        (order_id, line_id, buyer_id),
        position,
        read_shares(settled, settled_amounts, accounts),
        read_grants(grants),
        tuple(CreditPart(*part) for part in parts),
    )


def read_content_plan(row: Sequence[Any], accounts: AccountIds) -> ContentPlan:
    """A row of CONTENT_PLANS."""
    return ContentPlan(row[0], row[1], read_shares(row[2], row[3], accounts))


def read_party_plan(row: Sequence[Any]) -> PartyPlan:
    """A row of PARTY_PLANS."""
    party, currency, settled, kept, until, *net = row
    return PartyPlan(
        party, currency, settled, Reserve(kept, None if until is None else to_micros(until)), NetResult(*net)
    )
