"""Alerts on the processes and on the way from an event to the ledger topic."""

from template import EVERY, JOBS, OURS, PAGE, TICKET, Alert, Group, lately, total, worst

_ABSENT = "\nor ".join(f'absent(up{{job="{job}"}})' for job in JOBS)
_PUBLISHED, _READ = "koc_attribution_assertions_total", "koc_poster_assertions_total"
_CREDITS_WAIT = worst('koc_lag_records{topic="attribution.credits.v1"}')
_NO_POSTER = 'absent(up{job="poster"} == 1)'
_REBALANCES = (
    "max by (job) (increase(koc_attribution_rebalances_total[${15m}])) > 4\n"
    "or max by (job) (increase(koc_poster_rebalances_total[${15m}])) > 4"
)
_RETRIES = 'koc_poster_retries_total{cause=~"connection|deadlock|serialization|timeout"}'
_FREE = "koc_disk_free_bytes / koc_disk_size_bytes"

PROCESSES = Group(
    "koc-processes",
    (
        Alert(
            "KocProcessDown",
            f"max by (job) (up{{{OURS}}}) == 0\nor {_ABSENT}",
            "3m",
            PAGE,
            "No {{ $labels.job }} process runs.",
            "Prometheus reaches no process of the job {{ $labels.job }}. Events wait in Kafka; none is lost.",
        ),
        Alert(
            "KocProcessNotReady",
            f"max by (job) (koc_ready{{{OURS}}}) == 0",
            "10m",
            PAGE,
            "No {{ $labels.job }} process is ready.",
            "Processes of the job {{ $labels.job }} run, and none can work. /readyz of each says why.",
        ),
        Alert(
            "KocInstanceDown",
            f"(up{{{OURS}}} == 0 or koc_ready{{{OURS}}} == 0)\nand on (job) max by (job) (koc_ready{{{OURS}}}) == 1",
            "15m",
            TICKET,
            "One {{ $labels.job }} process is down or not ready; others work.",
            "{{ $labels.instance }} of the job {{ $labels.job }} does not work. The others have taken over.",
        ),
        Alert(
            "KocLoopStalled",
            f"time() - (koc_heartbeat_timestamp_seconds{{{OURS}}} > 0) > ${{2m seconds}}",
            "1m",
            PAGE,
            "A {{ $labels.job }} process answers and does not work.",
            "The loop of {{ $labels.instance }} turned last {{ $value | humanizeDuration }} ago.",
        ),
        Alert(
            "KocProcessRestarts",
            f"changes(process_start_time_seconds{{{EVERY}}}[${{30m}}]) > 3",
            "0m",
            TICKET,
            "A {{ $labels.job }} process ends and starts again and again.",
            "{{ $labels.instance }} was started {{ $value }} times within 30 minutes.",
        ),
        Alert(
            "KocRebalanceStorm",
            _REBALANCES,
            "30m",
            TICKET,
            "{{ $labels.job }} processes join and leave their group without end.",
            "Partitions were assigned {{ $value | humanize }} times within 15 minutes, for 30 minutes on end.",
        ),
    ),
)

PIPELINE = Group(
    "koc-pipeline",
    (
        Alert(
            "KocPosterStopped",
            f"{total(_PUBLISHED, '10m')} > 0 unless {total(_READ, '10m')} > 0\n"
            f"or {_CREDITS_WAIT} > 0 unless {total(_READ, '10m')} > 0\n"
            f"or {total(_PUBLISHED, '1h')} > 0 and {_NO_POSTER}",
            "5m",
            PAGE,
            "Credits are published and no poster books them.",
            "{{ $value | humanize }} assertions were published or wait, and none was read for ten minutes.",
        ),
        Alert(
            "KocKafkaAway",
            "time() - max(koc_kafka_answered_timestamp_seconds) > ${5m seconds}",
            "1m",
            PAGE,
            "Kafka has not answered any of our processes for five minutes.",
            "A broker answered last {{ $value | humanizeDuration }} ago. Backends cannot publish events either.",
        ),
        Alert(
            "KocProduceFailures",
            lately("koc_attribution_produce_failures_total", "instance", "15m"),
            "0m",
            TICKET,
            "Kafka did not take a record of an attribution worker.",
            "{{ $labels.instance }} ended because a send failed. It starts again and sends again.",
        ),
        Alert(
            "KocCheckpointOld",
            "time() - (koc_attribution_checkpoint_timestamp_seconds > 0) > ${5m seconds}\n"
            "and on (job, instance) koc_attribution_partitions > 0",
            "1m",
            TICKET,
            "An attribution worker makes nothing durable.",
            "{{ $labels.instance }} wrote its last checkpoint {{ $value | humanizeDuration }} ago.",
        ),
        Alert(
            "KocSnapshotOld",
            "max(time() - max by (partition) (koc_attribution_snapshot_timestamp_seconds)) > ${1h seconds}",
            "15m",
            TICKET,
            "A partition has had no snapshot for an hour.",
            "If its disk is lost now, its worker reads a long stretch of the log again.",
        ),
        Alert(
            "KocSnapshotFailed",
            total('koc_attribution_snapshots_total{outcome="failed"}', "15m") + " > 0",
            "30m",
            TICKET,
            "Snapshots have failed for half an hour.",
            "{{ $value | humanize }} snapshots failed within 15 minutes.",
        ),
        Alert(
            "KocHistoryWithheld",
            f"{total('koc_attribution_withheld_orders_total', '1h')} > 0",
            "0m",
            TICKET,
            "Orders are withheld: lost events could belong to them.",
            "{{ $value | humanize }} times within an hour a worker withheld an order.",
        ),
        Alert(
            "KocDiskFilling",
            f"{_FREE} < 0.1\nor ({_FREE} < 0.3 and predict_linear(koc_disk_free_bytes[${{6h}}], ${{1d seconds}}) < 0)",
            "10m",
            TICKET,
            "The disk of {{ $labels.volume }} is nearly full.",
            "{{ $labels.instance }}: {{ $value | humanizePercentage }} of the volume {{ $labels.volume }} are free.",
        ),
        Alert(
            "KocDatabaseRetries",
            f"{total(_RETRIES, '10m')} > 2",
            "15m",
            TICKET,
            "Posters try transactions again, for a quarter of an hour.",
            "{{ $value | humanize }} transactions were rolled back within ten minutes.",
        ),
    ),
)
