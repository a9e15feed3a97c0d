"""The typed registry of metrics: every series that any process of ours exposes, with its one-line meaning.

One class per process; a process calls its own accessor (`attribution()`, `poster()`, `relay()`) and so exposes only
its own series. Names start with `koc_`, units are base units, labels are bounded: never an order, buyer or KOC.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_BATCH_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_BATCH_RECORDS = (1, 10, 100, 300, 1000, 3000, 5000, 10000)
_TP = ("topic", "partition")


class CommonMetrics:
    """What every process exposes."""

    def __init__(self) -> None:
        self.build = Gauge("koc_build_info", "Always 1; which build this process is.", ("version", "process"))
        self.invariants = Counter(
            "koc_invariant_violations_total", "Broken invariants, by name; must stay 0.", ("invariant",)
        )
        self.lag_records = Gauge("koc_lag_records", "Records between what is durable and the log's end.", _TP)
        self.lag_seconds = Gauge(
            "koc_lag_seconds", "Age of the newest record that was applied, while records wait; else 0.", _TP
        )


class AttributionMetrics:
    """The attribution worker.

    Events are counted as they are read. A worker that was killed reads again what came after its last checkpoint (1 s),
    one whose disk was lost what came after its snapshot: events, refused and duplicates all count once more, so that
    shares of them stay true.
    """

    def __init__(self) -> None:
        self.consumed = Counter("koc_attribution_events_total", "Events read from the input topics.", ("topic",))
        self.refused = Counter(
            "koc_attribution_refused_total", "Events sent to a dead-letter topic, by reason.", ("topic", "reason")
        )
        self.duplicates = Counter("koc_attribution_duplicates_total", "Events seen before, without effect.", ("topic",))
        self.rerouted = Counter(
            "koc_attribution_rerouted_total", "Events published again to their key's partition.", ("topic",)
        )
        self.unknown_fields = Counter(
            "koc_attribution_unknown_fields_total", "Events that carried fields that we do not know.", ("topic",)
        )
        self.credits = Counter("koc_attribution_assertions_total", "Credit assertions published.")
        self.unattributed = Counter("koc_attribution_unattributed_total", "Assertions published without any credit.")
        self.withheld = Counter(
            "koc_attribution_withheld_orders_total",
            "Orders that had a new truth and were not published: lost history could belong to them (adopt-truncated).",
        )
        self.batch_records = Histogram("koc_attribution_batch_records", "Records of a chunk.", buckets=_BATCH_RECORDS)
        self.batch_seconds = Histogram(
            "koc_attribution_batch_seconds", "Time to apply a chunk.", buckets=_BATCH_SECONDS
        )
        self.checkpoint_seconds = Histogram(
            "koc_attribution_checkpoint_seconds",
            "Time of a checkpoint: produces awaited, batch written.",
            buckets=_BATCH_SECONDS,
        )
        self.checkpoint_at = Gauge(
            "koc_attribution_checkpoint_timestamp_seconds", "When the last checkpoint ended, Unix time."
        )
        self.produce_failures = Counter(
            "koc_attribution_produce_failures_total", "Produces that failed; each stops the worker."
        )
        self.rebalances = Counter("koc_attribution_rebalances_total", "Assignments received.")
        self.partitions = Gauge("koc_attribution_partitions", "Partition numbers assigned to this worker.")
        self.hot_buyers = Gauge("koc_attribution_hot_buyers", "Buyers held in memory.")
        self.state_bytes = Gauge("koc_attribution_state_bytes", "Bytes of the RocksDB stores on disk.")
        self.opened = Counter(
            "koc_attribution_stores_opened_total", "Stores opened, by source: disk, snapshot or nothing.", ("source",)
        )
        self.snapshots = Counter(
            "koc_attribution_snapshots_total", "Snapshots by outcome: taken, unchanged or failed.", ("outcome",)
        )
        self.snapshot_at = Gauge(
            "koc_attribution_snapshot_timestamp_seconds", "When a store's last snapshot was complete.", ("partition",)
        )
        self.snapshot_bytes = Gauge(
            "koc_attribution_snapshot_bytes", "Bytes that a restore of it has to fetch.", ("partition",)
        )
        self.snapshot_sent = Counter("koc_attribution_snapshot_sent_bytes_total", "Bytes uploaded for snapshots.")


class PosterMetrics:
    """The poster."""

    def __init__(self) -> None:
        self.assertions = Counter(
            "koc_poster_assertions_total", "Credit assertions read, by what became of them.", ("outcome",)
        )
        self.registry_events = Counter(
            "koc_poster_registry_events_total", "Registry events read, by outcome.", ("outcome",)
        )
        self.entries = Counter("koc_poster_entries_total", "Journal rows written.", ("kind",))
        self.posted = Counter(
            "koc_poster_posted_minor_total", "Money moved: sum of debits in minor units.", ("kind", "currency")
        )
        self.batch_records = Histogram("koc_poster_batch_records", "Assertions of a batch.", buckets=_BATCH_RECORDS)
        self.batch_seconds = Histogram(
            "koc_poster_batch_seconds", "Time of a batch's transaction.", buckets=_BATCH_SECONDS
        )
        self.retries = Counter(
            "koc_poster_retries_total", "Transactions rolled back and tried again, by cause.", ("cause",)
        )
        self.rebalances = Counter("koc_poster_rebalances_total", "Assignments received.")
        self.below_join = Gauge("koc_poster_lines_below_join", "Lines whose accepted vector is below its join.")
        self.quarantined = Gauge("koc_poster_lines_quarantined", "Lines frozen at what is booked.")
        self.set_aside = Gauge("koc_poster_lines_set_aside", "Lines that are over a limit of the journal.")
        self.owned_twice = Gauge("koc_poster_lines_owned_twice", "Order lines that two buyers claim.")
        self.unpriced = Gauge("koc_poster_lines_unpriced", "Lines that no plan prices, by reason.", ("reason",))
        self.unpriced_minor = Gauge("koc_poster_unpriced_minor", "Their commission base.", ("currency",))
        self.unregistered = Gauge(
            "koc_poster_contents_unregistered",
            "Fee acceptances and spends of contents that nobody registered, by event type.",
            ("kind",),
        )
        self.jobs_open = Gauge("koc_poster_reprice_jobs_open", "Reprice jobs with chunks left to work.")
        self.trial_balance = Gauge("koc_poster_trial_balance_minor", "Sum of all balances; must be 0.", ("currency",))
        self.balance = Gauge(
            "koc_poster_balance_minor", "Balances summed by owner role and purpose.", ("role", "purpose", "currency")
        )
        self.in_debit = Gauge(
            "koc_poster_balances_in_debit", "Pending, payable and held accounts that are in debit; must be 0."
        )
        self.unstated = Gauge(
            "koc_poster_closes_without_statements", "Closes of months whose statements are not all issued."
        )
        self.runs_unfinished = Gauge("koc_poster_runs_unfinished", "Settlement runs that are planned and not done.")
        self.over_budget = Gauge(
            "koc_poster_budgets_over_limit", "Budgets that have committed more than their limit, by reversed refunds."
        )
        self.seals_broken = Gauge(
            "koc_ledger_seals_broken",
            "Closed months whose seal is not what the journal says; must be 0. One is looked at every ten minutes.",
        )
        self.clawback = Gauge(
            "koc_poster_clawback_minor", "What parties owe back, by how many days it is open.", ("days", "currency")
        )
        self.in_transit = Gauge(
            "koc_poster_payouts_in_transit",
            "Payouts that no reply has ended, by how many days their batch is approved, or proposed.",
            ("days",),
        )


class RelayMetrics:
    """The relay."""

    def __init__(self) -> None:
        self.published = Counter("koc_relay_entries_total", "Ledger entries published and acknowledged.")
        self.lag = Gauge("koc_relay_lag_entries", "Journal rows not yet published.")
        self.commands = Counter("koc_relay_commands_total", "Commands published and acknowledged.")
        self.command_lag = Gauge("koc_relay_lag_commands", "Commands not yet published.")
        self.statements = Counter("koc_relay_statements_total", "Statements published and acknowledged.")
        self.statement_lag = Gauge("koc_relay_lag_statements", "Statements not yet published.")
        self.leader = Gauge("koc_relay_leader", "1 while this process is the elected relay.")


@cache
def common() -> CommonMetrics:
    """The common metrics of this process."""
    return CommonMetrics()


@cache
def attribution() -> AttributionMetrics:
    """The attribution worker's metrics."""
    return AttributionMetrics()


@cache
def poster() -> PosterMetrics:
    """The poster's metrics."""
    return PosterMetrics()


@cache
def relay() -> RelayMetrics:
    """The relay's metrics."""
    return RelayMetrics()
