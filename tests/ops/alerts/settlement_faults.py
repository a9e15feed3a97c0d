"""Faults of what is done by the calendar: runs, payouts, closes; and of what a run has settled."""

import json
from collections.abc import Iterator

from schemas.topics import STATEMENTS
from services.demo.events import later
from services.demo.month_end import write_payee_file, write_reply
from services.settlement.books.command_transaction import WRITER_N
from tests.kit.command import output_of
from tests.kit.processes import KocProcess
from tests.kit.waiting import until
from tests.ops.alerts.broker_faults import no_replica
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site
from tests.ops.alerts.world import budget, months, payee

SETTLEMENT: Round = []
CLAWBACK_DAYS = 95


@fault(SETTLEMENT, "KocMonthNotClosed", what="the last closed month is the fourth last")
def a_month_is_not_closed(site: Site) -> Iterator[None]:
    oldest, *_, last_but_one, last = months(site)
    output_of("period", "close", oldest)
    yield
    output_of("period", "close", last_but_one)
    output_of("period", "close", last)


@fault(SETTLEMENT, "KocSealBroken", what="the superuser doubles the amounts of a row of a closed month",
       clears_within=150)  # fmt: skip
def a_seal_is_broken(site: Site) -> Iterator[None]:
    change = "UPDATE journal SET amounts = (SELECT array_agg({}) FROM unnest(amounts) v) WHERE idem_key LIKE %s"
    site.tamper(change.format("2 * v"), "%o_clawback%")
    yield
    site.tamper(change.format("v / 2"), "%o_clawback%")


@fault(SETTLEMENT, "KocStatementsMissing", what="`koc period close` is killed while it issues statements")
def statements_are_missing(site: Site) -> Iterator[None]:
    _, following, *_ = months(site)
    unstated = "SELECT 1 FROM period_close WHERE root IS NULL"
    _kill_at(site, "LOCK TABLE statement IN SHARE MODE", unstated, "period", "close", following)
    yield
    output_of("period", "close", following)


@fault(SETTLEMENT, "KocStatementsUnpublished", what="the topic of statements lacks a replica")
def statements_are_not_published(site: Site) -> Iterator[None]:
    with no_replica(STATEMENTS):
        yield


@fault(SETTLEMENT, "KocPayoutUnanswered", what="a bank has not replied to an approved batch for four days")
def a_bank_does_not_reply(site: Site) -> Iterator[None]:
    output_of("payout", "propose", "--id", "sent", "--reason", "weekly")
    output_of("payout", "approve", "sent", "--reason", "the sums agree")
    site.tamper("UPDATE payout_batch SET approved_at = approved_at - interval '4 days' WHERE id = 'sent'")
    yield
    payees, reply = site.folder / "payees.csv", site.folder / "reply.csv"
    write_payee_file(payees, [payee(site, name) for name in ("clawback", "payout", "budget")])
    output_of("payee", "import", str(payees))
    output_of("payout", "export", "sent", "--output", str(site.folder / "payments"))
    rows = json.loads(output_of("payout", "show", "sent", "--json"))["rows"]
    write_reply(reply, rows, refused=0)
    output_of("payout", "reply", str(reply))


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
    site.await_registry()
    planned = "SELECT 1 FROM run WHERE status <> 'done'"
    _kill_at(site, f"SELECT 1 FROM writer WHERE partition = {WRITER_N} FOR UPDATE", planned, "settlement", "run")
    yield
    output_of("settlement", "run", "--reason", "weekly")


def _kill_at(site: Site, lock: str, has_come: str, *words: str) -> None:
    """Kill -9 a command that waits for a lock, which a session holds until then, once a query finds something."""
    with site.superuser() as session, session.transaction():
        session.execute(lock)
        with KocProcess(site.folder / words[0], f"{words[0]}-killed", words) as command:
            until(lambda: session.execute(has_come).fetchone(), f"koc {' '.join(words)} is on its way", process=command)
