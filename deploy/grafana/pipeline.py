"""The dashboard *Pipeline*: is data flowing, how late is it, what is refused."""

from deploy.grafana.panel import (
    Board,
    Healthy,
    Kind,
    Panel,
    Query,
    Row,
    Step,
    firing,
    orange_from,
    processes,
    rate,
    red_from,
)

_REFUSED = (
    "(sum(increase(koc_attribution_refused_total[5m])) or vector(0)) + "
    '(sum(increase(koc_poster_registry_events_total{outcome="refused"}[5m])) or vector(0))'
)
_READ = (
    "(sum(increase(koc_attribution_events_total[5m])) or vector(0)) + "
    "(sum(increase(koc_poster_registry_events_total[5m])) or vector(0))"
)
NOW = Row(
    "Is anything wrong now?",
    4,
    (
        firing(6),
        processes(6, "job"),
        Panel(
            "Freshness",
            "How long the oldest record waits that is not yet durable, or not yet published. Above the limit: look "
            "below for the topic, then for the process that reads it. Is it up, does it stand still, is it overloaded?",
            (Query("max(koc_lag_seconds or koc_relay_lag_seconds)", "behind"),),
            ("KocFreshnessBurnFast", "KocFreshnessBurnSlow"),
            4,
            Kind.NUMBERS,
            "s",
            red_from(300),
        ),
        Panel(
            "Refused share",
            "Events of the last 5 minutes that went to a dead-letter topic. If it rises: `koc dlq list` shows reason "
            "and sender. Ask the sender to correct the events, then replay them with `koc dlq replay`.",
            (Query(f"({_REFUSED}) / clamp_min({_READ}, 1)", "of all events"),),
            ("KocRefusedShareBurnFast", "KocRefusedShareBurnSlow"),
            4,
            Kind.NUMBERS,
            "percentunit",
            orange_from(0.001, red=0.0144),
        ),
        Panel(
            "Elected relays",
            "Must be 1. 0: nobody publishes the ledger and finance waits; start a relay. 2 for more than a moment: "
            "end one of the two.",
            (Query("sum(koc_relay_leader) or vector(0)", "relays", Healthy.POSITIVE),),
            ("KocRelayMissing", "KocRelayTwice"),
            4,
            Kind.NUMBERS,
            steps=(Step(None, "red"), Step(1, "green"), Step(2, "orange")),
        ),
    ),
)

FLOW = Row(
    "Is data flowing?",
    7,
    (
        Panel(
            "Events read",
            "Clicks and orders that attribution reads. 0 while shops sell: look at the senders, then at the worker.",
            (Query(rate("koc_attribution_events_total", "topic"), "{{topic}}", Healthy.POSITIVE),),
            ("KocFreshnessBurnFast",),
            8,
            unit="cps",
        ),
        Panel(
            "Assertions published and booked",
            "Order lines whose truth attribution publishes, and what the poster makes of them. Published and not "
            "booked: the poster stands still.",
            (
                Query(rate("koc_attribution_assertions_total"), "published", Healthy.POSITIVE),
                Query(rate("koc_poster_assertions_total", "outcome"), "poster: {{outcome}}", Healthy.POSITIVE),
            ),
            ("KocPosterStopped",),
            8,
            unit="cps",
        ),
        Panel(
            "Journal and ledger entries",
            "Entries that posters write to the journal, by kind, and entries that the ledger topic has acknowledged. "
            "Both move together. Only the journal grows: the relay is stuck.",
            (
                Query(rate("koc_poster_entries_total", "kind"), "journal: {{kind}}", Healthy.POSITIVE),
                Query(rate("koc_relay_entries_total"), "ledger topic", Healthy.POSITIVE),
            ),
            ("KocRelayStuck",),
            8,
            unit="cps",
        ),
    ),
)

LATE = Row(
    "How late is it?",
    7,
    (
        Panel(
            "Seconds behind",
            "How long the oldest record of each topic waits that is not yet durable; ledger: the oldest journal row "
            "that is not published. If a line climbs steadily, its reader stands still: look at its log, restart it.",
            (
                Query("max by (topic) (koc_lag_seconds)", "{{topic}}"),
                Query("max(koc_relay_lag_seconds)", "ledger"),
            ),
            ("KocFreshnessBurnFast", "KocRelayStuck"),
            8,
            unit="s",
            steps=red_from(300),
        ),
        Panel(
            "Records waiting",
            "Records between what is durable and the end of the log; journal rows, commands and statements that are "
            "not published. Falling: it catches up, wait. Growing: add a worker or a poster, or mend the slow one.",
            (
                Query("sum by (topic) (koc_lag_records)", "{{topic}}"),
                Query("max(koc_relay_lag_entries)", "ledger"),
                Query("max(koc_relay_lag_commands)", "commands"),
                Query("max(koc_relay_lag_statements)", "statements"),
            ),
            ("KocPosterStopped", "KocRelayStuck", "KocCommandsUnpublished", "KocStatementsUnpublished"),
            8,
        ),
        Panel(
            "How fast the error budgets burn",
            "1 uses up the budget of 30 days in 30 days. Late: time in which something was later than 5 minutes. "
            "Refused: events that were refused. From 14.4 in an hour or from 6 in six hours on it pages. No lines: "
            "Prometheus has not loaded our rules.",
            tuple(
                Query(f'koc:{budget}:burn_rate{{window="{window}"}}', f"{word}, {window}", Healthy.NONE_OR_NATURAL)
                for budget, word in (("freshness", "late"), ("refused", "refused"))
                for window in ("1h", "6h")
            ),
            ("KocFreshnessBurnFast", "KocFreshnessBurnSlow", "KocRefusedShareBurnFast", "KocRefusedShareBurnSlow"),
            8,
            steps=orange_from(1, red=6),
        ),
    ),
)

REFUSED = Row(
    "What is refused, what has no effect?",
    7,
    (
        Panel(
            "Refused events",
            "Events sent to the dead-letter topics since the processes started, by reason. `koc dlq list` shows each "
            "of them. Ask the sender to correct them, then replay them.",
            (
                Query(
                    "sum by (topic, reason) (koc_attribution_refused_total)",
                    "{{topic}} {{reason}}",
                    Healthy.NONE_OR_NATURAL,
                ),
                Query('sum(koc_poster_registry_events_total{outcome="refused"}) or vector(0)', "registry"),
            ),
            ("KocRefusedShareBurnFast",),
            6,
            stacked=True,
        ),
        Panel(
            "Events without an effect of their own",
            "Duplicates: seen before. Rerouted: sent on to their key's partition. Read again: after a loss of state. "
            "Unknown fields: a newer contract. Too late: older than the horizon, refused. Unattributed: no touch "
            "explains the line. If one jumps, ask the sender what changed.",
            (
                Query(rate("koc_attribution_duplicates_total"), "duplicates"),
                Query(f"{rate('koc_attribution_rerouted_total')} or vector(0)", "rerouted"),
                Query(f"{rate('koc_attribution_repeated_total')} or vector(0)", "read again"),
                Query(f"{rate('koc_attribution_unknown_fields_total')} or vector(0)", "unknown fields"),
                Query(f"{rate('koc_attribution_late_total')} or vector(0)", "too late"),
                Query(rate("koc_attribution_unattributed_total"), "unattributed"),
            ),
            ("KocRefusedShareBurnSlow",),
            6,
            unit="cps",
        ),
        Panel(
            "Orders withheld after a loss",
            "Orders that are not published, because lost events could belong to them (adopt-truncated). Must be 0. "
            "If it grows: look for a state or a snapshot that is further ahead, before you accept the loss.",
            (Query("sum(koc_attribution_withheld_orders_total)", "withheld", Healthy.ZERO),),
            ("KocHistoryWithheld",),
            6,
            steps=orange_from(1),
        ),
        Panel(
            "Newest event happened",
            "Time since the newest accepted event of each topic happened, by its own clock. Lateness is counted from "
            "it. It grows and lag does not: the senders send nothing, or send old events; ask them.",
            (Query("time() - max by (topic) (koc_attribution_watermark_timestamp_seconds)", "{{topic}}: ago"),),
            ("KocFreshnessBurnSlow",),
            6,
            unit="s",
        ),
    ),
)

BOARD = Board(
    "pipeline",
    "KOC settlement: Pipeline",
    "Is data flowing, how late is it, what is refused?",
    (NOW, FLOW, LATE, REFUSED),
    "now-1h",
    "10s",
)
