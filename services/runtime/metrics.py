"""The typed registry of metrics: every series that any process of ours exposes, with its one-line meaning.

One class per process; a process calls its own accessor (`attribution()`, `poster()`, `relay()`) and so exposes only
its own series. Names start with `koc_`, units are base units, labels are bounded: never an order, buyer or KOC.
docs/metrics.md is written from it (`make docs`).
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple, TypeVar

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily

from services.runtime import metric_labels as label
from services.runtime.metric_labels import MetricLabel

Labels = TypeVar("Labels", bound=tuple[str, ...])

_BATCH_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_PAGE_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_BATCH_RECORDS = (1, 10, 100, 300, 1000, 3000, 5000, 10000)


disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client's
"""Without them a third fewer series; process_start_time_seconds says when counters began."""


class Repetition(Enum):
    """What a counter does when records are read again, after a crash or when state is made anew."""

    ONCE = "counts once"
    BY_POSITION = "counts a position once"
    AGAIN = "counts again"
    NO_RECORDS = "counts no records"


class Metric(NamedTuple):
    """What the registry says of one metric; `repetition` is None for a metric that is no counter."""

    name: str
    type: str
    meaning: str
    labels: tuple[MetricLabel, ...]
    repetition: Repetition | None


class MeasuredGauge:
    """A gauge without labels that has no series at all as long as there is nothing to measure."""

    def __init__(self, name: str, meaning: str) -> None:
        self._name, self._meaning = name, meaning
        self._value: float | None = None
        REGISTRY.register(self)

    def set(self, value: float | None) -> None:
        """Show a value; None = there is none."""
        self._value = value

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The family without its series: prometheus_client asks for it."""
        yield GaugeMetricFamily(self._name, self._meaning)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The family as it is scraped: prometheus_client asks for it."""
        yield GaugeMetricFamily(self._name, self._meaning, value=self._value)


class MetricGroup:
    """The metrics of one kind of process.

    Attributes:
        declared: what each of them is, in order.
    """

    def __init__(self) -> None:
        self.declared: list[Metric] = []

    def _counter(self, name: str, meaning: str, repetition: Repetition, *labels: MetricLabel) -> Counter:
        self.declared.append(Metric(name, "counter", meaning, labels, repetition))
        return Counter(name, meaning, _names(labels))

    def _gauge(self, name: str, meaning: str, *labels: MetricLabel) -> Gauge:
        self.declared.append(Metric(name, "gauge", meaning, labels, None))
        return Gauge(name, meaning, _names(labels))

    def _measured(self, name: str, meaning: str) -> MeasuredGauge:
        self.declared.append(Metric(name, "gauge", meaning, (), None))
        return MeasuredGauge(name, meaning)

    def _histogram(
        self,
        name: str,
        meaning: str,
        buckets: Sequence[float],
        *labels: MetricLabel,
        repetition: Repetition = Repetition.AGAIN,
    ) -> Histogram:
        self.declared.append(Metric(name, "histogram", meaning, labels, repetition))
        return Histogram(name, meaning, _names(labels), buckets=buckets)


def _names(labels: Sequence[MetricLabel]) -> list[str]:
    return [one.name for one in labels]


class CommonMetrics(MetricGroup):
    """What every process exposes."""

    def __init__(self) -> None:
        super().__init__()
        self.build = self._gauge(
            "koc_build_info", "Always 1; which build this process is.", label.VERSION, label.PROCESS
        )
        self.ready = self._gauge("koc_ready", "1 while /readyz answers 200, else 0; a relay that stands by is ready.")
        self.heartbeat = self._gauge(
            "koc_heartbeat_timestamp_seconds", "When the process's loop turned last, Unix time."
        )
        self.kafka_answered = self._measured(
            "koc_kafka_answered_timestamp_seconds",
            "When a broker last told worker or poster where their logs end, Unix time; they ask every second.",
        )
        self.invariants = self._counter(
            "koc_invariant_violations_total",
            "Broken invariants, by name; must stay 0.",
            Repetition.AGAIN,
            label.INVARIANT,
        )
        self.lag_records = self._gauge(
            "koc_lag_records",
            "Records between what is durable and the log's end, as the brokers say each second; not of the relay.",
            label.TOPIC,
            label.PARTITION,
        )
        self.lag_seconds = self._gauge(
            "koc_lag_seconds",
            "How long the oldest record that is not durable waits, by the broker's time of it; 0: none waits.",
            label.TOPIC,
            label.PARTITION,
        )


class AttributionMetrics(MetricGroup):
    """The attribution worker.

    Events count once, by their positions: what the group had read before a process started was counted by others. A
    worker whose disk was lost reads again what came after its snapshot, and counts it as repeated. One that was killed
    had counted a second of events that the group did not know of: these count again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._events()
        self._work()
        self._stores()

    def _events(self) -> None:
        """What became of events."""
        self.consumed = self._counter(
            "koc_attribution_events_total", "Events read from the input topics.", Repetition.BY_POSITION, label.TOPIC
        )
        self.refused = self._counter(
            "koc_attribution_refused_total",
            "Events sent to a dead-letter topic, by reason.",
            Repetition.BY_POSITION,
            label.TOPIC,
            label.REASON,
        )
        self.late = self._counter(
            "koc_attribution_late_total",
            "Events that came later than the horizon allows; they are among the refused, as too_late.",
            Repetition.BY_POSITION,
            label.TOPIC,
        )
        self.duplicates = self._counter(
            "koc_attribution_duplicates_total",
            "Events seen before, without effect.",
            Repetition.BY_POSITION,
            label.TOPIC,
        )
        self.rerouted = self._counter(
            "koc_attribution_rerouted_total",
            "Events published again to their key's partition.",
            Repetition.BY_POSITION,
            label.TOPIC,
        )
        self.repeated = self._counter(
            "koc_attribution_repeated_total",
            "Events read again that were counted before; they count as nothing else.",
            Repetition.AGAIN,
            label.TOPIC,
        )
        self.unknown_fields = self._counter(
            "koc_attribution_unknown_fields_total",
            "Events that carried fields that we do not know.",
            Repetition.AGAIN,
            label.TOPIC,
        )
        self.credits = self._counter(
            "koc_attribution_assertions_total", "Credit assertions published.", Repetition.AGAIN
        )
        self.unattributed = self._counter(
            "koc_attribution_unattributed_total", "Assertions published without any credit.", Repetition.AGAIN
        )
        self.withheld = self._counter(
            "koc_attribution_withheld_orders_total",
            "Orders that had a new truth and were not published: lost history could belong to them (adopt-truncated).",
            Repetition.AGAIN,
        )

    def _work(self) -> None:
        """Batches, checkpoints, and membership of the group."""
        self.batch_records = self._histogram("koc_attribution_batch_records", "Records of a chunk.", _BATCH_RECORDS)
        self.batch_seconds = self._histogram("koc_attribution_batch_seconds", "Time to apply a chunk.", _BATCH_SECONDS)
        self.checkpoint_seconds = self._histogram(
            "koc_attribution_checkpoint_seconds",
            "Time of a checkpoint: produces awaited, batch written.",
            _BATCH_SECONDS,
        )
        self.checkpoint_at = self._gauge(
            "koc_attribution_checkpoint_timestamp_seconds", "When the last checkpoint ended, Unix time."
        )
        self.watermark = self._gauge(
            "koc_attribution_watermark_timestamp_seconds",
            "The greatest occurred_at among a partition's accepted events, Unix time; lateness is counted from it.",
            label.TOPIC,
            label.PARTITION,
        )
        self.produce_failures = self._counter(
            "koc_attribution_produce_failures_total",
            "Produces that failed; each stops the worker.",
            Repetition.NO_RECORDS,
        )
        self.rebalances = self._counter(
            "koc_attribution_rebalances_total", "Assignments received.", Repetition.NO_RECORDS
        )
        self.partitions = self._gauge("koc_attribution_partitions", "Partition numbers assigned to this worker.")

    def _stores(self) -> None:
        """State in memory, on disk and in snapshots."""
        self.hot_buyers = self._gauge("koc_attribution_hot_buyers", "Buyers held in memory.")
        self.state_bytes = self._gauge("koc_attribution_state_bytes", "Bytes of the RocksDB stores on disk.")
        self.disk_free = self._gauge(
            "koc_disk_free_bytes",
            "Bytes that may still be written to the file system of a folder; snapshots: only where they go to file://.",
            label.VOLUME,
        )
        self.disk_size = self._gauge("koc_disk_size_bytes", "Bytes of that file system, used or not.", label.VOLUME)
        self.opened = self._counter(
            "koc_attribution_stores_opened_total", "Stores opened, by source.", Repetition.NO_RECORDS, label.SOURCE
        )
        self.snapshots = self._counter(
            "koc_attribution_snapshots_total", "Snapshots by outcome.", Repetition.NO_RECORDS, label.SNAPSHOT_OUTCOME
        )
        self.snapshot_at = self._gauge(
            "koc_attribution_snapshot_timestamp_seconds",
            "When a store's last snapshot was complete, Unix time.",
            label.PARTITION,
        )
        self.snapshot_bytes = self._gauge(
            "koc_attribution_snapshot_bytes", "Bytes that a restore of it has to fetch.", label.PARTITION
        )
        self.snapshot_sent = self._counter(
            "koc_attribution_snapshot_sent_bytes_total", "Bytes uploaded for snapshots.", Repetition.NO_RECORDS
        )


class PosterMetrics(MetricGroup):
    """The poster: what it does, and what the books say. Each poster reads all books: take the greatest of them."""

    def __init__(self) -> None:
        super().__init__()
        self._posting()
        self._lines()
        self._money()
        self._settling()

    def _posting(self) -> None:
        """What this poster did."""
        self.assertions = self._counter(
            "koc_poster_assertions_total",
            "Credit assertions booked, by what became of them.",
            Repetition.ONCE,
            label.VERDICT,
        )
        self.registry_events = self._counter(
            "koc_poster_registry_events_total", "Registry events read, by outcome.", Repetition.ONCE, label.INTAKE
        )
        self.entries = self._counter("koc_poster_entries_total", "Journal rows written.", Repetition.ONCE, label.KIND)
        self.posted = self._counter(
            "koc_poster_posted_minor_total",
            "Money that this poster moved: sum of debits; what runs and commands move shows in the balances.",
            Repetition.ONCE,
            label.KIND,
            label.CURRENCY,
        )
        self.batch_records = self._histogram("koc_poster_batch_records", "Assertions of a batch.", _BATCH_RECORDS)
        self.batch_seconds = self._histogram(
            "koc_poster_batch_seconds", "Time of a batch's transaction.", _BATCH_SECONDS
        )
        self.retries = self._counter(
            "koc_poster_retries_total",
            "Transactions rolled back and tried again, by cause.",
            Repetition.NO_RECORDS,
            label.RETRY_CAUSE,
        )
        self.rebalances = self._counter("koc_poster_rebalances_total", "Assignments received.", Repetition.NO_RECORDS)

    def _lines(self) -> None:
        """Order lines, as the books say."""
        self.below_join = self._gauge("koc_poster_lines_below_join", "Lines whose accepted vector is below its join.")
        self.quarantined = self._gauge("koc_poster_lines_quarantined", "Lines frozen at what is booked.")
        self.set_aside = self._gauge("koc_poster_lines_set_aside", "Lines that are over a limit of the journal.")
        self.owned_twice = self._gauge("koc_poster_lines_owned_twice", "Order lines that two buyers claim.")
        self.unpriced = self._gauge(
            "koc_poster_lines_unpriced", "Lines that no plan prices, by reason.", label.UNPRICED
        )
        self.unpriced_minor = self._gauge("koc_poster_unpriced_minor", "Their commission base.", label.CURRENCY)
        self.unregistered = self._gauge(
            "koc_poster_contents_unregistered",
            "Fee acceptances and spends of contents that nobody registered, by event type.",
            label.FACT,
        )
        self.jobs_open = self._gauge("koc_poster_reprice_jobs_open", "Reprice jobs with chunks left to work.")

    def _money(self) -> None:
        """Balances, as the books say."""
        self.trial_balance = self._gauge(
            "koc_poster_trial_balance_minor", "Sum of all balances; must be 0.", label.CURRENCY
        )
        self.balance = self._gauge(
            "koc_poster_balance_minor",
            "Balances summed by owner role and purpose; a credit is negative.",
            label.ROLE,
            label.PURPOSE,
            label.CURRENCY,
        )
        self.in_debit = self._gauge(
            "koc_poster_balances_in_debit", "Pending, payable and held accounts that are in debit; must be 0."
        )
        self.over_budget = self._gauge(
            "koc_poster_budgets_over_limit", "Budgets that have committed more than their limit, by reversed refunds."
        )
        self.reserve = self._gauge(
            "koc_ledger_reserve_minor",
            "What runs hold back as reserves whose time has not ended; it is part of what is held.",
            label.CURRENCY,
        )
        self.clawback = self._gauge(
            "koc_poster_clawback_minor",
            "What parties owe back, by how many days it is open.",
            label.DEBT_DAYS,
            label.CURRENCY,
        )

    def _settling(self) -> None:
        """Runs, payouts and months, as the books say."""
        self.runs = self._gauge("koc_ledger_runs", "Settlement runs, by state.", label.RUN_STATE)
        self.runs_unfinished = self._gauge(
            "koc_poster_runs_unfinished", "Settlement runs that are planned and not done."
        )
        self.run_as_of = self._measured(
            "koc_ledger_run_as_of_timestamp_seconds",
            "The moment by which the newest run that is done has settled, Unix time; no series before the first.",
        )
        self.run_finished_at = self._measured(
            "koc_ledger_run_finished_timestamp_seconds",
            "When that run was finished, Unix time; no series before the first.",
        )
        self.run_lines = self._gauge(
            "koc_ledger_run_lines", "Due lines of that run: settled, or left out and why.", label.LINE_RESULT
        )
        self.payouts = self._gauge("koc_ledger_payouts", "Payouts, by state.", label.PAYOUT_STATE)
        self.payouts_minor = self._gauge(
            "koc_ledger_payouts_minor",
            "What these payouts pay, after tax, in minor units.",
            label.PAYOUT_STATE,
            label.CURRENCY,
        )
        self.in_transit = self._gauge(
            "koc_poster_payouts_in_transit",
            "Payouts that no reply has ended, by how many days their batch is approved, or proposed.",
            label.TRANSIT_DAYS,
        )
        self.periods_closed = self._gauge("koc_ledger_periods_closed", "Months that are closed.")
        self.period_end = self._measured(
            "koc_ledger_period_end_timestamp_seconds",
            "When the last closed month ended, Unix time; no series before the first close.",
        )
        self.unstated = self._gauge(
            "koc_poster_closes_without_statements", "Closes of months whose statements are not all issued."
        )
        self.seals_broken = self._gauge(
            "koc_ledger_seals_broken",
            "Closed months whose seal is not what the journal says; must be 0. One is looked at every ten minutes.",
        )


class RelayMetrics(MetricGroup):
    """The relay."""

    def __init__(self) -> None:
        super().__init__()
        self.published = self._counter(
            "koc_relay_entries_total", "Ledger entries published and acknowledged.", Repetition.ONCE
        )
        self.lag = self._gauge("koc_relay_lag_entries", "Journal rows not yet published.")
        self.lag_seconds = self._gauge(
            "koc_relay_lag_seconds", "Age of the oldest journal row that is not published yet; 0: none waits."
        )
        self.commands = self._counter(
            "koc_relay_commands_total", "Commands published and acknowledged.", Repetition.ONCE
        )
        self.command_lag = self._gauge("koc_relay_lag_commands", "Commands not yet published.")
        self.statements = self._counter(
            "koc_relay_statements_total", "Statements published and acknowledged.", Repetition.ONCE
        )
        self.statement_lag = self._gauge("koc_relay_lag_statements", "Statements not yet published.")
        self.leader = self._gauge("koc_relay_leader", "1 while this process is the elected relay.")


class ConsoleMetrics(MetricGroup):
    """The console."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = self._counter(
            "koc_console_requests_total",
            "Requests answered.",
            Repetition.NO_RECORDS,
            label.PAGE,
            label.HTTP_STATUS,
        )
        self.seconds = self._histogram(
            "koc_console_request_seconds",
            "Time until an answer was sent whole.",
            _PAGE_SECONDS,
            label.PAGE,
            repetition=Repetition.NO_RECORDS,
        )
        self.sign_ins = self._counter(
            "koc_console_sign_ins_total", "Attempts to sign in.", Repetition.NO_RECORDS, label.SIGN_IN
        )
        self.sessions = self._gauge("koc_console_sessions", "Sessions of browsers in memory.")


def show_only(gauge: Gauge, values: Mapping[Labels, float]) -> None:
    """Give a gauge these series, by their labels' values in order, and no others.

    Series that stay are never away: a scrape may come between two steps.
    """
    for values_of_labels, value in values.items():
        gauge.labels(*values_of_labels).set(value)
    for family in gauge.collect():
        for sample in family.samples:
            if (shown := tuple(sample.labels.values())) not in values:
                gauge.remove(*shown)


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


@cache
def console() -> ConsoleMetrics:
    """The console's metrics."""
    return ConsoleMetrics()
