"""Alerts on what is done by the calendar, and on the relay, which gives it to others."""

from template import DAY, PAGE, TICKET, Alert, Group, total, worst

_RUN_DAYS, _MONTH_DAYS = 8, 41
"""A run each week and a day; a month of 31 days and ten days to close it."""

SETTLEMENT = Group(
    "koc-settlement",
    (
        Alert(
            "KocRunUnfinished",
            f"{worst('koc_poster_runs_unfinished')} > 0",
            "30m",
            TICKET,
            "A settlement run is planned and not done.",
            "{{ $value }} runs are unfinished. Posters go on; the next run finishes it first.",
        ),
        Alert(
            "KocRunOverdue",
            f"time() - {worst('koc_ledger_run_as_of_timestamp_seconds')} > {_RUN_DAYS * DAY}",
            "1h",
            TICKET,
            f"No settlement run is newer than {_RUN_DAYS} days.",
            "The newest run settles what was due {{ $value | humanizeDuration }} ago.",
        ),
        Alert(
            "KocPayoutUnanswered",
            worst('koc_poster_payouts_in_transit{days="3"}') + " > 0",
            "15m",
            TICKET,
            "Payouts have waited for the bank for three days.",
            "{{ $value }} payouts are in transit and their batch is 3 to 6 days old.",
        ),
        Alert(
            "KocPayoutUnansweredLong",
            worst('koc_poster_payouts_in_transit{days="7"}') + " > 0",
            "15m",
            PAGE,
            "Payouts have waited for the bank for a week.",
            "{{ $value }} payouts are in transit and their batch is 7 days old or older.",
        ),
        Alert(
            "KocStatementsMissing",
            f"{worst('koc_poster_closes_without_statements')} > 0",
            "30m",
            TICKET,
            "A closed month lacks statements.",
            "{{ $value }} closes are without all their statements. The relay publishes none of them.",
        ),
        Alert(
            "KocMonthNotClosed",
            f"time() - {worst('koc_ledger_period_end_timestamp_seconds')} > {_MONTH_DAYS * DAY}",
            "1h",
            TICKET,
            "The last month is not closed ten days after its end.",
            "The last closed month ended {{ $value | humanizeDuration }} ago.",
        ),
    ),
)

RELAY = Group(
    "koc-relay",
    (
        Alert(
            "KocRelayStuck",
            f"{worst('koc_relay_lag_entries')} > 0 unless {total('koc_relay_entries_total', '10m')} > 0",
            "5m",
            PAGE,
            "The journal grows and the ledger topic does not.",
            "{{ $value | humanize }} entries wait, and none was published for ten minutes. The books are right.",
        ),
        Alert(
            "KocRelayMissing",
            "sum(koc_relay_leader) < 1",
            "5m",
            PAGE,
            "Relays run and none is elected.",
            "Nothing is published to the ledger topic. The books are right.",
        ),
        Alert(
            "KocRelayTwice",
            "sum(koc_relay_leader) > 1",
            "5m",
            TICKET,
            "Two relays say that they are elected.",
            "{{ $value }} processes publish. Readers ignore what they have seen; nothing is wrong in the topic.",
        ),
        Alert(
            "KocCommandsUnpublished",
            f"{worst('koc_relay_lag_commands')} > 0",
            "15m",
            TICKET,
            "Commands are not published.",
            "{{ $value }} commands have waited for a quarter of an hour.",
        ),
        Alert(
            "KocStatementsUnpublished",
            f"{worst('koc_relay_lag_statements')} > 0",
            "30m",
            TICKET,
            "Statements are not published.",
            "{{ $value }} statements have waited for half an hour.",
        ),
    ),
)
