"""The dashboard *Settlement*: runs, payouts, closed months, and what of them is published."""

from deploy.grafana.panel import Board, Healthy, Kind, Panel, Query, Row, firing, orange_from, rate, red_from

_DAY = 86_400
_MINOR = "Amounts are in minor units of each currency."

STUCK = Row(
    "Does anything wait too long?",
    4,
    (
        firing(4),
        Panel(
            "Unfinished runs",
            "Runs that are planned and not done. Not 0 for long: the run's process ended. Give "
            "`koc settlement run` again; it finishes the old run first.",
            (Query("max(koc_poster_runs_unfinished)", "runs", Healthy.ZERO),),
            ("KocRunUnfinished",),
            3,
            Kind.NUMBERS,
            steps=orange_from(1),
        ),
        Panel(
            "Newest run settles up to",
            "Age of the moment up to which the newest run settled. Older than 8 days: a weekly run is missing. Look "
            "at the cron job, then give `koc settlement run`. No value: there was no run yet.",
            (
                Query(
                    "time() - max(koc_ledger_run_as_of_timestamp_seconds)",
                    "ago",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocRunOverdue",),
            4,
            Kind.NUMBERS,
            "s",
            orange_from(8 * _DAY),
        ),
        Panel(
            "Unanswered 3 days",
            "Payouts whose batch is 3 to 6 days old and that no bank has answered. Ask the bank for its reply file, "
            "and book it with `koc payout reply`.",
            (Query('max(koc_poster_payouts_in_transit{days="3"})', "payouts", Healthy.ZERO),),
            ("KocPayoutUnanswered",),
            3,
            Kind.NUMBERS,
            steps=orange_from(1),
        ),
        Panel(
            "Unanswered 7 days",
            "Payouts whose batch is a week old and that no bank has answered. Call the bank today. Release none of "
            "them before it has answered: it may have paid.",
            (Query('max(koc_poster_payouts_in_transit{days="7"})', "payouts", Healthy.ZERO),),
            ("KocPayoutUnansweredLong",),
            3,
            Kind.NUMBERS,
            steps=red_from(1),
        ),
        Panel(
            "Last closed month ended",
            "Time since the end of the last month that is closed. More than 41 days: nobody closed the month after "
            "it. Give `koc period close`. No value: no month was closed yet.",
            (
                Query(
                    "time() - max(koc_ledger_period_end_timestamp_seconds)",
                    "ago",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocMonthNotClosed",),
            4,
            Kind.NUMBERS,
            "s",
            orange_from(41 * _DAY),
        ),
        Panel(
            "Statements missing",
            "Closed months whose statements are not all issued. Not 0: give `koc period close` of that month again; "
            "it goes on where it ended.",
            (Query("max(koc_poster_closes_without_statements)", "months", Healthy.ZERO),),
            ("KocStatementsMissing",),
            3,
            Kind.NUMBERS,
            steps=orange_from(1),
        ),
    ),
)

RUNS = Row(
    "What do runs settle?",
    7,
    (
        Panel(
            "Runs",
            "Settlement runs by state. A run that stays planned: see *Unfinished runs*.",
            (Query("max by (state) (koc_ledger_runs)", "{{state}}"),),
            ("KocRunUnfinished",),
            6,
        ),
        Panel(
            "Lines of the newest run",
            "Lines that it settled, and lines that it left out, by reason. `disputed` and `…_held` need a decision "
            "in the back office, `unpriced` a plan; `not_due` waits for a later run.",
            (Query("max by (result) (koc_ledger_run_lines) > 0", "{{result}}", Healthy.NONE_OR_NATURAL),),
            ("KocRunOverdue",),
            9,
            Kind.BARS,
        ),
        Panel(
            "From pending to payable",
            f"What parties have earned, by how far it is. {_MINOR} A run moves pending to payable or held, a payout "
            "empties payable. Payable that only grows: nobody proposes payouts.",
            (
                Query(
                    "-max by (purpose, currency) (sum by (purpose, currency, instance) "
                    '(koc_poster_balance_minor{purpose=~"pending|payable|held"}))',
                    "{{purpose}} {{currency}}",
                    Healthy.POSITIVE,
                ),
                Query(
                    "max by (currency) (koc_ledger_reserve_minor)",
                    "of it reserves {{currency}}",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocRunOverdue",),
            9,
        ),
    ),
)

PAYOUTS = Row(
    "Who is paid, who owes back?",
    7,
    (
        Panel(
            "Payouts",
            "Payouts by state. Instructed ones wait for a bank: ask it after 3 days. Rejected and returned ones wait "
            "for you: mend the payee, then give `koc payout release`.",
            (Query("max by (state) (koc_ledger_payouts)", "{{state}}", Healthy.NONE_OR_NATURAL),),
            ("KocPayoutUnanswered",),
            6,
        ),
        Panel(
            "Money of payouts",
            f"The same as money. {_MINOR} Compare what is confirmed with the bank's own statement.",
            (
                Query(
                    "max by (state, currency) (koc_ledger_payouts_minor)",
                    "{{state}} {{currency}}",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocPayoutUnanswered",),
            6,
        ),
        Panel(
            "Payouts in transit",
            "Payouts that no reply of a bank has ended, by the days since their batch was approved or proposed. "
            "After 3 days ask the bank; after 7 days its manager.",
            (Query("max by (days) (koc_poster_payouts_in_transit)", "{{days}} days and more"),),
            ("KocPayoutUnanswered", "KocPayoutUnansweredLong"),
            6,
            stacked=True,
        ),
        Panel(
            "Owed back, by age",
            f"What parties owe back, by days open. {_MINOR} Next earnings pay it; after 90 days decide to write it "
            "off or to collect it.",
            (
                Query(
                    "max by (days, currency) (koc_poster_clawback_minor)",
                    "{{days}} days {{currency}}",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocClawbackOld",),
            6,
            stacked=True,
        ),
    ),
)

PUBLISHED = Row(
    "Is it closed and published?",
    7,
    (
        Panel(
            "Closed months",
            "Months under a seal, and seals that are broken. A broken seal: stop payouts, keep the database, run "
            "`koc ledger verify`.",
            (
                Query("max(koc_ledger_periods_closed)", "closed"),
                Query("max(koc_ledger_seals_broken)", "broken", Healthy.ZERO),
            ),
            ("KocSealBroken", "KocMonthNotClosed"),
            6,
        ),
        Panel(
            "Published an hour",
            "Entries, commands and statements that their topics have acknowledged. After a run, a payout or a close "
            "each of them moves.",
            (
                Query(f"3600 * {rate('koc_relay_entries_total')}", "entries", Healthy.POSITIVE),
                Query(f"3600 * {rate('koc_relay_commands_total')}", "commands"),
                Query(f"3600 * {rate('koc_relay_statements_total')}", "statements"),
            ),
            ("KocRelayStuck",),
            6,
        ),
        Panel(
            "Waiting to be published",
            "Commands and statements that no topic has yet. Not 0 for long: the relay is stuck. Its log says why.",
            (
                Query("max(koc_relay_lag_commands)", "commands", Healthy.ZERO),
                Query("max(koc_relay_lag_statements)", "statements", Healthy.ZERO),
            ),
            ("KocCommandsUnpublished", "KocStatementsUnpublished"),
            6,
        ),
        Panel(
            "Time since the newest run finished",
            "Compare it with your calendar of runs. It grows until the next run is done.",
            (
                Query(
                    "time() - max(koc_ledger_run_finished_timestamp_seconds)",
                    "ago",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocRunOverdue",),
            6,
            unit="s",
        ),
    ),
)

BOARD = Board(
    "settlement",
    "KOC settlement: Settlement",
    "What do runs settle, who is paid, is the month closed and published?",
    (STUCK, RUNS, PAYOUTS, PUBLISHED),
    "now-7d",
    "1m",
)
