"""Writes dashboards/overview.json: is data flowing, how late, what is owed, what is refused, does it balance.

python deploy/grafana/overview.py           write it
python deploy/grafana/overview.py --check   exit 1 if the committed file is stale
"""

import json
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

TARGET = Path(__file__).parent / "dashboards/overview.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
_OWED_BACK = (
    "max by (days, currency) (koc_poster_clawback_minor) or "
    'label_replace(label_replace(vector(0), "days", "0", "", ""), "currency", "of any currency", "", "")'
)
"""Zero where nobody owes anything."""


@dataclass(frozen=True)
class Panel:
    """One panel: what it shows, in which unit, by which queries.

    Attributes:
        meaning: what a reader is to make of it, shown behind the (i).
        queries: (PromQL, legend) pairs.
        unit: Grafana's unit id.
        span: columns of 24.
        alarm: a number instead of a curve: green at 0, red from 1 (with `alarm_below`, red under 1).
    """

    title: str
    meaning: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    span: int = 8
    alarm: bool = False
    alarm_below: bool = False


def _most(histogram: str) -> str:
    """The value that 95 of 100 observations stay below."""
    return f"histogram_quantile(0.95, sum by (le) (rate({histogram}_bucket[$__rate_interval])))"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "At a glance",
        (
            Panel(
                "Trial balance",
                "Sum of all balances, by currency, in minor units. Anything but 0 is a fault: stop payouts.",
                (("max by (currency) (abs(koc_poster_trial_balance_minor))", "{{currency}}"),),
                span=6,
                alarm=True,
            ),
            Panel(
                "Broken invariants",
                "Things that must always hold and did not, since the processes started. Must be 0.",
                (("sum(koc_invariant_violations_total) or vector(0)", "violations"),),
                span=6,
                alarm=True,
            ),
            Panel(
                "Processes that answer",
                "Whether each process was reached by the last scrape: 1 = yes.",
                (("min by (job) (up)", "{{job}}"),),
                span=6,
                alarm_below=True,
            ),
            Panel(
                "Elected relays",
                "Relays that publish the ledger. 0: nobody does, finance waits. More than 1 lasts only a moment.",
                (("sum(koc_relay_leader)", "relays"),),
                span=6,
                alarm_below=True,
            ),
        ),
    ),
    (
        "Is data flowing?",
        (
            Panel(
                "Events read",
                "Clicks and orders that the attribution workers read.",
                (("sum by (topic) (rate(koc_attribution_events_total[$__rate_interval]))", "{{topic}}"),),
                "cps",
            ),
            Panel(
                "Assertions published and booked",
                "Order lines whose truth was published by attribution, and what the poster made of them.",
                (
                    ("sum(rate(koc_attribution_assertions_total[$__rate_interval]))", "published"),
                    ("sum by (outcome) (rate(koc_poster_assertions_total[$__rate_interval]))", "poster: {{outcome}}"),
                ),
                "cps",
            ),
            Panel(
                "Journal and ledger entries",
                "Entries written to the journal, by kind, and entries that the ledger topic has acknowledged.",
                (
                    ("sum by (kind) (rate(koc_poster_entries_total[$__rate_interval]))", "journal: {{kind}}"),
                    ("sum(rate(koc_relay_entries_total[$__rate_interval]))", "ledger topic"),
                ),
                "cps",
            ),
        ),
    ),
    (
        "How late?",
        (
            Panel(
                "Records waiting",
                "Records between what is durable and the end of the log, by topic; journal rows not yet published.",
                (
                    ("sum by (topic) (koc_lag_records)", "{{topic}}"),
                    ("max(koc_relay_lag_entries)", "ledger topic"),
                    ("max(koc_relay_lag_statements)", "statements topic"),
                ),
            ),
            Panel(
                "Seconds behind",
                "Age of the newest record that was applied, while records wait; 0 when nothing waits.",
                (("max by (topic) (koc_lag_seconds)", "{{topic}}"),),
                "s",
            ),
            Panel(
                "Slow steps",
                "Age of the oldest checkpoint, and the time that 95 of 100 batches stay below.",
                (
                    ("time() - min(koc_attribution_checkpoint_timestamp_seconds)", "age of checkpoint"),
                    (_most("koc_attribution_checkpoint_seconds"), "checkpoint takes"),
                    (_most("koc_poster_batch_seconds"), "booking takes"),
                ),
                "s",
            ),
        ),
    ),
    (
        "Can a lost disk come back?",
        (
            Panel(
                "Age of the newest snapshot",
                "What was read since is read again if the disk is lost. A partition without a line has none.",
                (
                    (
                        "time() - max by (partition) (koc_attribution_snapshot_timestamp_seconds > 0)",
                        "partition {{partition}}",
                    ),
                ),
                "s",
                span=6,
            ),
            Panel(
                "Snapshots",
                "Since the workers started; unchanged: the last one still holds all. Failed: see the worker's log.",
                (("sum by (outcome) (koc_attribution_snapshots_total)", "{{outcome}}"),),
                span=6,
            ),
            Panel(
                "Bytes sent to the object store",
                "Only what it did not have yet.",
                (("sum(rate(koc_attribution_snapshot_sent_bytes_total[$__rate_interval]))", "sent"),),
                "Bps",
                span=6,
            ),
            Panel(
                "Stores opened",
                "Since the workers started. From nothing is well once a partition; later its whole log is read again.",
                (("sum by (source) (koc_attribution_stores_opened_total)", "from {{source}}"),),
                span=6,
            ),
        ),
    ),
    (
        "What is owed?",
        (
            Panel(
                "Owed, by whom it is owed to",
                "Credit balances of the books in minor units: what KOCs, agencies, recruiters and the platform earned.",
                (
                    (
                        "-max by (role, purpose, currency) (koc_poster_balance_minor) > 0",
                        "{{role}} {{purpose}} {{currency}}",
                    ),
                ),
            ),
            Panel(
                "Due from brands",
                "Debit balances in minor units: what brands owe for it.",
                (
                    (
                        "max by (role, purpose, currency) (koc_poster_balance_minor) > 0",
                        "{{role}} {{purpose}} {{currency}}",
                    ),
                ),
            ),
            Panel(
                "Owed back",
                "What parties owe back in minor units, by currency and by how many days it is open at least.",
                ((_OWED_BACK, "{{days}} days {{currency}}"),),
            ),
            Panel(
                "Money moved",
                "Debits of new entries in minor units an hour, by kind: accruals, and what adjusts them.",
                (
                    (
                        "3600 * sum by (kind, currency) (rate(koc_poster_posted_minor_total[$__rate_interval]))",
                        "{{kind}} {{currency}}",
                    ),
                ),
            ),
        ),
    ),
    (
        "What is refused, what waits for a person?",
        (
            Panel(
                "Refused events",
                "Events sent to the dead-letter topics since the workers started, by reason; once more if they were "
                "read again after a loss. `koc dlq list` shows each once.",
                (
                    ("sum by (topic, reason) (koc_attribution_refused_total)", "{{topic}} {{reason}}"),
                    ('sum(koc_poster_registry_events_total{outcome="refused"}) or vector(0)', "registry"),
                ),
            ),
            Panel(
                "Lines without a price or in doubt",
                "Lines that no plan prices, lines over a limit of the journal, lines that wait for a version, lines "
                "frozen, lines that two buyers claim.",
                (
                    ("max by (reason) (koc_poster_lines_unpriced)", "unpriced: {{reason}}"),
                    ("max(koc_poster_lines_set_aside)", "set aside"),
                    ("max(koc_poster_lines_below_join)", "below their join"),
                    ("max(koc_poster_lines_quarantined)", "quarantined"),
                    ("max(koc_poster_lines_owned_twice)", "claimed twice"),
                ),
            ),
            Panel(
                "Settlement in doubt",
                "Runs that are planned and not done, closed months without all their statements, budgets over their "
                "limit, party accounts in debit (must be 0), broken seals of closed months (must be 0).",
                (
                    ("max(koc_poster_runs_unfinished)", "unfinished runs"),
                    ("max(koc_poster_closes_without_statements)", "closed months without their statements"),
                    ("max(koc_poster_budgets_over_limit)", "budgets over their limit"),
                    ("max(koc_poster_balances_in_debit)", "accounts in debit"),
                    ("max(koc_ledger_seals_broken)", "broken seals"),
                ),
            ),
            Panel(
                "Payouts in transit",
                "Payouts that no reply of a bank has ended, by the days since their batch was approved, or proposed.",
                (("max by (days) (koc_poster_payouts_in_transit)", "{{days}} days and more"),),
            ),
            Panel(
                "Duplicates, rerouted, unattributed, withheld",
                "Events seen before, events sent on to their key's partition, lines published without any credit, "
                "orders not published because lost history could belong to them (adopt-truncated).",
                (
                    ("sum(rate(koc_attribution_duplicates_total[$__rate_interval]))", "duplicates"),
                    ("sum(rate(koc_attribution_rerouted_total[$__rate_interval])) or vector(0)", "rerouted"),
                    ("sum(rate(koc_attribution_unattributed_total[$__rate_interval]))", "unattributed"),
                    ("sum(rate(koc_attribution_withheld_orders_total[$__rate_interval]))", "withheld"),
                ),
                "cps",
            ),
        ),
    ),
)


def build() -> str:
    """The dashboard as Grafana's JSON."""
    board = (
        dashboard.Dashboard("KOC settlement: overview")
        .uid("koc-overview")
        .description("Is data flowing, how late is it, what is owed, what is refused, does it balance.")
        .tags(["koc"])
        .timezone("utc")
        .time("now-30m", "now")
        .refresh("5s")
        .readonly()
    )
    identity = count(1)
    for title, panels in ROWS:
        board = board.with_row(dashboard.Row(title).id(next(identity)))
        for panel in panels:
            drawn = _stat(panel) if panel.alarm or panel.alarm_below else _curves(panel)
            board = board.with_panel(drawn.id(next(identity)))
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _queries(panel: Panel) -> list[prometheus.Dataquery]:
    """The panel's queries, lettered."""
    return [
        prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(expression).legend_format(legend)
        for number, (expression, legend) in enumerate(panel.queries)
    ]


def _stat(panel: Panel) -> stat.Panel:
    """The last value of each series, green or red."""
    calm, red = ("red", "green") if panel.alarm_below else ("green", "red")
    return (
        stat.Panel()
        .title(panel.title)
        .description(panel.meaning)
        .datasource(SOURCE)
        .targets(list(_queries(panel)))
        .unit(panel.unit)
        .thresholds(
            dashboard.ThresholdsConfig()
            .mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=None, color=calm), Threshold(value=1, color=red)])
        )
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(BigValueColorMode.BACKGROUND)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .span(panel.span)
        .height(4)
    )


def _curves(panel: Panel) -> timeseries.Panel:
    """Each series over time."""
    return (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.meaning)
        .datasource(SOURCE)
        .targets(list(_queries(panel)))
        .unit(panel.unit)
        .min(0)
        .fill_opacity(8)
        .span(panel.span)
        .height(8)
    )


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    built = build()
    if "--check" not in arguments:
        TARGET.write_text(built)
        return 0
    if TARGET.exists() and TARGET.read_text() == built:
        return 0
    sys.stderr.write(f"{TARGET.name} is stale: run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
