"""Books of a year for the console's measurement: a million lines, of which some KOCs have very many.

The real processes make a month of books: lines that are received, unreceived, unpriced or quarantined, a run, refunds
after it, payouts, a closed month with statements. That month is kept before and after its run and copied to dates over
a year: what is younger than PENDING_DAYS as before the run, what is older as after it. Chains of hashes and balances of
parties are not those of such a journal; no page reads them together.
"""

import json
import random
import tempfile
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import psycopg

from schemas.topics import CREDITS, REGISTRY
from services.kernel.time import DAY, to_micros
from services.runtime.database import psycopg_dsn
from services.runtime.publishing import Outgoing, publish
from services.settlement.domain.book.entries import Kind
from tests.bench.copies import copy_rows, keep_template
from tests.kit.commands import address_of_approver, freeze, given
from tests.kit.poster_process import Poster, all_is_posted, partition_for
from tests.kit.registry_events import CONTENT, PLAN, RELATION
from tests.kit.run_processes import RunProcess
from tests.kit.settlement_facts import Fact, FactCredit, FactStep, FactVersion
from tests.kit.waiting import until

KOCS, BRANDS, CONTENTS_OF_KOC = 2_000, 50, 5
TEMPLATES = 5_000
YEAR_DAYS, PENDING_DAYS, PAYDAY_DAYS = 350, 20, 40
"""Copies reach back over a year; those of the last days are not settled, and those before the payday are paid."""

_ZIPF = 0.9
"""The greatest KOC has about a twelfth of all lines."""

_SECONDS = 900.0
_BEFORE_RUN = ("line", "assertion", "journal", "party_leg", "due")
_AFTER_RUN = ("line", "assertion", "journal", "party_leg", "run_line", "payout_batch", "payout", "statement")
_RUNS = 50
_STEP = 1_000_000
"""Journal numbers that a copy may take of each writer."""


def fill(lines: int) -> None:
    """Fill the books of a running stack without workers with about so many lines."""
    with tempfile.TemporaryDirectory() as name:
        _live_a_month(Path(name))
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        _copy_over_a_year(owner, max(1, lines // TEMPLATES))


def hold_unpaid(content_id: str) -> None:
    """Forget all payouts, so that every settled line is unpaid, and hold a content."""
    hold = {
        "event_id": "held", "event_type": "hold.placed", "occurred_at": PLAN["occurred_at"], "hold_id": "held",
        "content_id": content_id,
    }  # fmt: skip
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        for table in ("payout", "payout_net", "payout_batch"):
            owner.execute(f"DELETE FROM {table}")
        owner.execute(
            "INSERT INTO reference (kind, identity, position, body, revision)"
            " SELECT 'hold.placed', 'held', max(position) + 1, %s, max(revision) FROM reference",
            [json.dumps(hold)],
        )
        owner.execute("VACUUM ANALYZE")


def run_name(number: int | str) -> str:
    """The id of a run, from 0 on; the greatest numbers are the oldest."""
    return f"week-{number}"


def _month() -> datetime:
    """The first of the month before this one."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1)


def _live_a_month(folder: Path) -> None:
    """The real books of a month, kept before its run and after it."""
    month = _month()
    facts = list(_facts(random.Random(1), to_micros(month)))
    publish(Outgoing(REGISTRY.name, b"bench", json.dumps(event).encode()) for event in _registry(month))
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        _post(folder, facts)
        for fact in facts[:20]:
            freeze(f"{fact.order_id}/{fact.line_id}/{fact.buyer_id}", "a bench")
        keep_template(owner, "before_run", _BEFORE_RUN)
        with RunProcess(folder / "run", "run", to_micros(datetime.now(UTC)), "month") as run:
            until(lambda: not run.is_running, "the run is done", _SECONDS)
            assert run.process.returncode == 0, run.log()
        _post(folder, [fact.refunded(fact.goods_paid_minor // 3) for fact in facts[20::20]])
        given("payout", "propose", "--id", "payday")
        given("payout", "approve", "payday", by=address_of_approver())
        given("period", "close", f"{month:%Y-%m}")
        keep_template(owner, "after_run", _AFTER_RUN)


def _post(folder: Path, facts: list[Fact]) -> None:
    publish(Outgoing(CREDITS.name, fact.order_id.encode(), fact.wire(), partition_for(fact)) for fact in facts)
    with Poster(folder) as poster:
        until(all_is_posted, "the lines to be copied are posted", _SECONDS, poster)
        poster.terminate()


def _registry(month: datetime) -> Iterator[dict[str, Any]]:
    since = {"effective_from": f"{month - timedelta(days=30):%Y-%m-%dT00:00:00Z}"}
    for brand in range(BRANDS):
        named = {"event_id": f"p{brand}", "plan_id": f"pl_{brand}", "brand_id": f"br_{brand}"}
        yield PLAN | named | since | {"rate_ppm": 100_000 + 1_000 * brand, "campaign_id": f"c_{brand}"}
        yield {
            "event_id": f"b{brand}", "event_type": "campaign.budget_set", "occurred_at": PLAN["occurred_at"],
            "campaign_id": f"c_{brand}", "currency": "CNY", "amount_minor": 10**11,
        }  # fmt: skip
    for koc in range(KOCS):
        parties = {"mcn": f"m_{koc % 100}", "recruiter": f"r_{koc % 300}"}
        yield RELATION | since | {"event_id": f"k{koc}", "koc_id": f"k_{koc}", "parties": parties}
        yield {
            "event_id": f"y{koc}", "event_type": "payee.set", "occurred_at": PLAN["occurred_at"],
            "owner": f"koc:k_{koc}", "rail": "bank", "ref": f"ref_{koc}",
        }  # fmt: skip
        for number in range(CONTENTS_OF_KOC):
            content = {"event_id": f"v{koc}_{number}", "content_id": _content(koc, number), "koc_id": f"k_{koc}"}
            brand = (koc + number) % BRANDS
            yield CONTENT | content | {"brand_id": f"br_{brand}", "script_fee_minor": 0, "campaign_id": f"c_{brand}"}


def _content(koc: int, number: int) -> str:
    return f"v_{koc}_{number}"


def _facts(rng: random.Random, month: int) -> Iterator[Fact]:
    """Lines of the month's first half: most are received, some of no plan's brand, some with two KOCs."""
    sums = list(accumulate((rank + 1) ** -_ZIPF for rank in range(KOCS)))
    for number in range(TEMPLATES):
        koc = bisect(sums, rng.random() * sums[-1])
        brand = int(rng.random() ** 2 * BRANDS)
        paid_at = month + rng.randrange(15 * DAY)
        received_at = None if number % 33 == 0 else paid_at + DAY + rng.randrange(4 * DAY)
        shares = (600_000, 400_000) if number % 7 == 0 else (1_000_000,)
        credited = tuple(
            FactCredit(
                _content((koc + i) % KOCS, rng.randrange(CONTENTS_OF_KOC)), f"k_{(koc + i) % KOCS}", f"c_{brand}",
                touch_id=f"clk_{number}_{i}", touched_at=paid_at - DAY, weight_ppm=share,
            )
            for i, share in enumerate(shares)
        )  # fmt: skip
        order_id = f"o_{number // 2:05d}"
        yield Fact(
            order_id=order_id, line_id=str(number % 2 + 1), buyer_id=f"b_{number // 2}",
            brand_id="br_unknown" if number % 50 == 0 else f"br_{brand}", product_id=f"p_{number % 500}",
            goods_paid_minor=1_000 + rng.randrange(40_000), paid_at=paid_at, received_at=received_at,
            as_of=received_at or paid_at, status="paid" if received_at is None else "received", credits=credited,
            version=FactVersion(0, 1, 1_000 + number, 10 + number), steps=(FactStep(f"{order_id}_paid", paid_at),),
        )  # fmt: skip


def _copy_over_a_year(owner: psycopg.Connection[Any], copies: int) -> None:
    """Copies of both templates, the first ones the youngest; then what is counted over all of them."""
    age = f"(n * {YEAR_DAYS}.0 / {copies})::int"
    youngest = (datetime.now(UTC) - _month()).days - 15
    """Days by which the youngest copy is later than the month that was lived."""
    week = f"make_interval(days => n * {_RUNS} / {copies} * {YEAR_DAYS} / {_RUNS})"
    """How long before the run of the template the run of a copy was."""
    shift = f"make_interval(days => {youngest} - {age})"
    behind = f"({copies} - n) * {_STEP}"
    name = "'c' || n || '_' || order_id"
    buyer = "'c' || n || '_' || buyer_id"
    own = {
        "order_id": name, "buyer_id": buyer, "seq": f"seq + {behind}", "paid_at": f"paid_at + {shift}",
        "settle_at": f"settle_at + {shift}",
        "settle_on": f"settle_on + {youngest} - {age}", "first_seq": f"first_seq + {behind}",
        "raw": f"convert_to(replace(replace(convert_from(raw, 'UTF8'), order_id, {name}), buyer_id, {buyer}), 'UTF8')",
        "idem_key": f"CASE WHEN order_id IS NULL THEN 'c' || n || '|' || idem_key"
                    f" ELSE replace(idem_key, '|' || order_id || '/', '|' || {name} || '/') END",
        "corrects": f"split_part(corrects, '-', 1) || '-' || split_part(corrects, '-', 2)::bigint + {behind}",
        "effective_at": f"CASE WHEN kind = {Kind.COMMISSION_SETTLED.code} THEN effective_at - {week}"
                        f" ELSE effective_at + {shift} END",
        "recorded_at": f"recorded_at + {shift}",
        "period": f"to_char(effective_at + {shift}, 'YYYY-MM')", "run": f"'{run_name('')}' || n * {_RUNS} / {copies}",
    }  # fmt: skip
    pending = sum(1 for n in range(copies) if n * YEAR_DAYS / copies <= PENDING_DAYS)
    _add_runs(owner)
    for table in ("line", "assertion", "journal", "party_leg", "due"):
        copy_rows(owner, "before_run", table, own, range(pending))
    for table in ("line", "assertion", "journal", "party_leg", "run_line"):
        copy_rows(owner, "after_run", table, own, range(pending, copies))
    _add_paydays(owner, copies)
    for statement in _COUNTED:
        owner.execute(statement)
    owner.execute("VACUUM ANALYZE")


def _add_runs(owner: psycopg.Connection[Any]) -> None:
    """A run a week, each like the month's own."""
    for table in ("run", "run_progress", "run_skip", "run_party"):
        keep_template(owner, f"of_{table}", [table])
        key = "id" if table == "run" else "run"
        week = f"make_interval(days => n * {YEAR_DAYS} / {_RUNS})"
        moments = {column: f"{column} - {week}" for column in ("as_of", "planned_at", "done_at")}
        copy_rows(owner, f"of_{table}", table, {key: f"'{run_name('')}' || n", **moments}, range(_RUNS))


def _add_paydays(owner: psycopg.Connection[Any], copies: int) -> None:
    """Eleven more months with a batch of payouts, a close and its statements; each payday paid what was settled."""
    back = "make_interval(months => n + 1)"
    months = range(11)
    batch = {"id": "id || '-' || n", "as_of": f"as_of - {back}", "proposed_at": f"proposed_at - {back}"}
    copy_rows(owner, "after_run", "payout_batch", batch, months)
    for batch_id, days_ago in [("payday", PAYDAY_DAYS), *((f"payday-{n}", PAYDAY_DAYS + 30 * (n + 1)) for n in months)]:
        paid = copies - days_ago * copies // YEAR_DAYS
        cut = f"array_fill({max(0, paid)}::bigint * {_STEP}, ARRAY[cardinality(cut)])"
        owner.execute(f"UPDATE payout_batch SET cut = {cut} WHERE id = '{batch_id}'")
    payout = {"id": "substr(md5(id || n), 1, 26)", "batch": "batch || '-' || n", "status": "'confirmed'"}
    copy_rows(owner, "after_run", "payout", payout, months)
    month = f"to_char(to_date(period, 'YYYY-MM') - {back}, 'YYYY-MM')"
    for table, key in (("period", "id"), ("period_close", "period")):
        keep_template(owner, f"of_{table}", [table])
        owner.execute(f"DELETE FROM of_{table}.{table} WHERE {key} <> '{_month():%Y-%m}'")
        copy_rows(owner, f"of_{table}", table, {key: month.replace("period", key)}, months)
    statements = owner.execute("SELECT count(*) FROM after_run.statement").fetchone()
    body = f"replace(body, '\"' || period || '\"', '\"' || {month} || '\"')"
    own = {"seq": f"seq + (n + 1) * {statements and statements[0]}", "period": month, "body": body}
    copy_rows(owner, "after_run", "statement", own, months)


_COUNTED = (
    """
    UPDATE writer SET seq = greatest(seq, last) FROM (
      SELECT writer AS number, max(seq) AS last FROM journal GROUP BY 1
    ) booked WHERE partition = booked.number
    """,
    """
    UPDATE balance SET amount_minor = booked.amount, entries = booked.entries FROM (
      SELECT leg.account_id, sum(leg.amount)::bigint AS amount, count(*) AS entries
      FROM journal, unnest(accounts, amounts) AS leg (account_id, amount) GROUP BY 1
    ) booked WHERE booked.account_id = balance.account_id
    """,
)
"""What the processes count beside the journal."""
