"""Faults of what is done by the calendar: runs, payouts, closes; and of what a run has settled."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from services.demo.events import later
from services.demo.month_end import write_payee_file, write_reply
from services.kernel.time import format_rfc3339
from tests.kit.command import output_of
from tests.kit.processes import KocProcess
from tests.kit.waiting import until
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site
from tests.ops.alerts.world import PAID, budget, months, payee

SETTLEMENT: Round = []
CLAWBACK_DAYS, RUN_OVERDUE_DAYS = 95, 9


@fault(SETTLEMENT, "KocRunOverdue", what="the newest run settled what was due nine days ago",
       is_base=True)  # fmt: skip
def the_last_run_is_old(site: Site) -> Iterator[None]:
    _run(site.before(RUN_OVERDUE_DAYS))
    yield
    _run(site.before(1))


@fault(SETTLEMENT, "KocStatementsUnpublished", what="a forgotten transaction holds how far statements are published",
       is_base=True)  # fmt: skip
def statements_are_held_up(site: Site) -> Iterator[None]:
    with site.forgotten("SELECT 1 FROM statement_relay FOR UPDATE"):
        yield


@fault(SETTLEMENT, "KocMonthNotClosed", what="the last closed month is the fourth last",
       is_base=True)  # fmt: skip
def a_month_is_not_closed(site: Site) -> Iterator[None]:
    oldest, *_, last_but_one, last = months(site)
    output_of("period", "close", oldest)
    yield
    output_of("period", "close", last_but_one)
    output_of("period", "close", last)


@fault(SETTLEMENT, "KocSealBroken", what="the superuser doubles the amounts of a row of a closed month",
       clears_within=300, lasts=("KocSealBroken",))  # fmt: skip
def a_seal_is_broken(site: Site) -> Iterator[None]:
    change = (
        "UPDATE journal SET amounts = (SELECT array_agg({}) FROM unnest(amounts) v) WHERE period = %s AND writer < 12"
    )
    oldest, *_ = months(site)
    site.tamper(change.format("2 * v"), oldest)
    yield
    site.tamper(change.format("v / 2"), oldest)


@fault(SETTLEMENT, "KocStatementsMissing", what="`koc period close` is killed while it issues statements",
       is_base=True)  # fmt: skip
def statements_are_missing(site: Site) -> Iterator[None]:
    _, following, *_ = months(site)
    close = KocProcess(site.folder / "close", "close-killed", ["period", "close", following])
    with site.superuser() as session, session.transaction(), close:
        session.execute("LOCK TABLE statement IN SHARE MODE")
        unstated = "SELECT 1 FROM period_close WHERE root IS NULL"
        until(lambda: session.execute(unstated).fetchone(), "the month is closed, without statements", process=close)
    yield
    output_of("period", "close", following)


@fault(
    SETTLEMENT, "KocPayoutUnanswered", what="a bank has not replied to an approved batch for four days", is_base=True
)
def a_bank_does_not_reply(site: Site) -> Iterator[None]:
    output_of("payout", "propose", "--id", "sent", "--reason", "weekly")
    [left_out] = [row["payout"] for row in _payouts("sent") if row["party"] == "koc:k_budget"]
    output_of("payout", "cancel", "sent", "--payout", left_out, "--reason", "the brand asks")
    output_of("payout", "approve", "sent", "--reason", "the sums agree")
    site.tamper("UPDATE payout_batch SET approved_at = approved_at - interval '4 days' WHERE id = 'sent'")
    yield
    payees, reply = site.folder / "payees.csv", site.folder / "reply.csv"
    write_payee_file(payees, [payee(site, name) for name in PAID])
    output_of("payee", "import", str(payees))
    output_of("payout", "export", "sent", "--output", str(site.folder / "payments"))
    write_reply(reply, [row for row in _payouts("sent") if row["status"] == "instructed"], refused=0)
    output_of("payout", "reply", str(reply))


@fault(SETTLEMENT, "KocPayoutUnansweredLong", what="nobody has approved a proposed batch for eight days")
def nobody_approves_a_batch(site: Site) -> Iterator[None]:
    output_of("payout", "propose", "--id", "forgotten", "--reason", "the brand has agreed")
    site.tamper("UPDATE payout_batch SET proposed_at = proposed_at - interval '8 days' WHERE id = 'forgotten'")
    yield
    output_of("payout", "cancel", "forgotten", "--reason", "it is proposed anew")


def _payouts(batch: str) -> list[dict[str, Any]]:
    return list(json.loads(output_of("payout", "show", batch, "--json"))["rows"])


@fault(SETTLEMENT, "KocBudgetOverLimit", what="a campaign's budget is lowered below what runs have granted")
def a_budget_is_lowered(site: Site) -> Iterator[None]:
    site.publish(budget(site, "budget", 100, 2))
    yield
    site.publish(budget(site, "budget", 100_000, 3))


@fault(SETTLEMENT, "KocClawbackOld", what="a paid order was refunded 95 days ago, and the KOC has earned nothing since")
def a_debt_is_old(site: Site) -> Iterator[None]:
    amounts = [{"line_id": "1", "refund_minor": 20_000, "quantity": 1}]
    at = site.before(CLAWBACK_DAYS)
    site.publish(later("refunded", "refund", "o_clawback", at, "b_clawback", refund_id="rf_1", lines=amounts))
    yield
    output_of("clawback", "write-off", "koc:k_clawback", "40.00", "CNY", "--reason", "the KOC has left")


@fault(SETTLEMENT, "KocRunUnfinished", what="`koc settlement run` is killed after it has stored its plan")
def a_run_is_killed(site: Site) -> Iterator[None]:
    # It is as old as the newest one: finished, it must not end KocRunOverdue before that has fired.
    as_of = site.before(RUN_OVERDUE_DAYS)
    program = (
        "from tests.kit.run_processes import killed_at; import sys; sys.exit(not killed_at(1, 'after', {}, {!r}, 1))"
    )
    subprocess.run([sys.executable, "-c", program.format(as_of, "killed")], check=True)
    yield
    _run(as_of)


def _run(as_of: int) -> None:
    output_of("settlement", "run", "--as-of", format_rfc3339(as_of), "--reason", "weekly")
