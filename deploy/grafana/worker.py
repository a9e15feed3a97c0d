"""The dashboard *Worker internals*: each process by itself, its state and its faults."""

from deploy.grafana.panel import (
    Board,
    Healthy,
    Kind,
    Panel,
    Query,
    Row,
    firing,
    most,
    orange_below,
    orange_from,
    processes,
    rate,
    red_from,
)

HERE = '{instance=~"$instance"}'
"""The instances that the reader has chosen."""
_FREE = f"min by (instance, volume) (koc_disk_free_bytes{HERE} / koc_disk_size_bytes{HERE})"

_FAILED = f"koc:console_failures:count{HERE}"
_NONE = 'label_replace(vector(0), "page", "no page", "", "")'

LIVES = Row(
    "Does each process live?",
    4,
    (
        firing(4),
        processes(5, "job", "instance", where=HERE),
        Panel(
            "Loop turned",
            "Time since the slowest loop turned last. More than two minutes: the process stands still; /healthz turns "
            "to 503 and the supervisor starts it again. Keep its log.",
            (Query(f"time() - min(koc_heartbeat_timestamp_seconds{HERE})", "ago"),),
            ("KocLoopStalled", "KocConsoleDown"),
            3,
            Kind.NUMBERS,
            "s",
            red_from(120),
        ),
        Panel(
            "Kafka answered",
            "Time since a broker last told a worker or poster where their logs end. They ask every second. Old: the "
            "brokers are down, or nothing reaches them; backends cannot publish either.",
            (Query(f"time() - max(koc_kafka_answered_timestamp_seconds{HERE})", "ago"),),
            ("KocKafkaAway",),
            3,
            Kind.NUMBERS,
            "s",
            red_from(300),
        ),
        Panel(
            "Oldest checkpoint",
            "Age of the oldest last checkpoint of a worker. It takes one every second. Old: Kafka does not "
            "acknowledge, or the disk is slow or full.",
            (Query(f"time() - min(koc_attribution_checkpoint_timestamp_seconds{HERE} > 0)", "ago"),),
            ("KocCheckpointOld",),
            3,
            Kind.NUMBERS,
            "s",
            orange_from(300),
        ),
        Panel(
            "Oldest snapshot",
            "Age of the oldest newest snapshot of a partition. If the disk is lost, everything since is read again. "
            "Old: see the worker's log, and the object store's rights and room.",
            (
                Query(
                    f"time() - min(max by (partition) (koc_attribution_snapshot_timestamp_seconds{HERE} > 0))",
                    "ago",
                ),
            ),
            ("KocSnapshotOld",),
            3,
            Kind.NUMBERS,
            "s",
            orange_from(3600),
        ),
        Panel(
            "Free disk",
            "The volume of a worker with the smallest free share. Under a tenth: make room or enlarge the volume. "
            "Never delete files of a store by hand.",
            (Query(f"min({_FREE})", "free", Healthy.POSITIVE),),
            ("KocDiskFilling",),
            3,
            Kind.NUMBERS,
            "percentunit",
            orange_below(0.1),
        ),
    ),
)

WORK = Row(
    "How does it work?",
    6,
    (
        Panel(
            "Partitions",
            "Partition numbers assigned to each worker. Uneven for long, or less than all together: look for a "
            "worker that does not come back.",
            (Query(f"max by (instance) (koc_attribution_partitions{HERE})", "{{instance}}", Healthy.POSITIVE),),
            ("KocRebalanceStorm",),
            6,
        ),
        Panel(
            "Rebalances an hour",
            "Assignments received. A few at a start or a stop are well. Again and again: a process starts, fails and "
            "starts; look for the one with the shortest life.",
            (
                Query(f"3600 * {rate('koc_attribution_rebalances_total', where=HERE)}", "attribution"),
                Query(f"3600 * {rate('koc_poster_rebalances_total', where=HERE)}", "poster"),
            ),
            ("KocRebalanceStorm",),
            6,
        ),
        Panel(
            "Records of a batch",
            "What 95 of 100 batches stay below. Full batches: it catches up. Small ones: it waits for records.",
            (
                Query(most("koc_attribution_batch_records", where=HERE), "attribution"),
                Query(most("koc_poster_batch_records", where=HERE), "poster"),
            ),
            ("KocFreshnessBurnSlow",),
            6,
        ),
        Panel(
            "Time of a batch",
            "What 95 of 100 stay below. A checkpoint or a transaction above a second: look at the disk, at Kafka, or "
            "at PostgreSQL.",
            (
                Query(most("koc_attribution_batch_seconds", where=HERE), "chunk"),
                Query(most("koc_attribution_checkpoint_seconds", where=HERE), "checkpoint", Healthy.POSITIVE),
                Query(most("koc_poster_batch_seconds", where=HERE), "transaction"),
            ),
            ("KocCheckpointOld",),
            6,
            unit="s",
        ),
    ),
)

STATE = Row(
    "Does its state come back?",
    5,
    (
        Panel(
            "Snapshots",
            "Since the workers started. Unchanged: the last one still holds everything. Failed: the worker's log "
            "says why; it tries again.",
            (
                Query(
                    f"sum by (outcome) (koc_attribution_snapshots_total{HERE})",
                    "{{outcome}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocSnapshotFailed",),
            5,
        ),
        Panel(
            "Stores opened",
            "Since the workers started. From nothing is well once a partition; later its whole log is read again. "
            "Then look whether the volume was lost.",
            (
                Query(
                    f"sum by (source) (koc_attribution_stores_opened_total{HERE})",
                    "from {{source}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocSnapshotOld",),
            4,
        ),
        Panel(
            "Bytes of state",
            "Stores on disk, and what a restore has to fetch. Growing faster than sales: look at retention in the "
            "policy.",
            (
                Query(f"sum(koc_attribution_state_bytes{HERE})", "stores", Healthy.POSITIVE),
                Query(f"sum(max by (partition) (koc_attribution_snapshot_bytes{HERE}))", "snapshots"),
            ),
            ("KocDiskFilling",),
            5,
            unit="bytes",
        ),
        Panel(
            "Buyers in memory",
            "Buyers that workers hold in memory; their number is limited. At the limit all the time, and slow: add a "
            "worker.",
            (Query(f"sum(koc_attribution_hot_buyers{HERE})", "buyers", Healthy.POSITIVE),),
            ("KocFreshnessBurnSlow",),
            5,
        ),
        Panel(
            "Sent to the object store",
            "Bytes of snapshots: only what the store did not have yet. Much more than before: look whether a worker "
            "lost its state and began anew.",
            (Query(rate("koc_attribution_snapshot_sent_bytes_total", where=HERE), "sent"),),
            ("KocSnapshotFailed",),
            5,
            unit="Bps",
        ),
    ),
)

CONSOLE = Row(
    "Does the console answer people?",
    4,
    (
        Panel(
            "Pages that failed",
            "Requests of the last 15 minutes that a page answered with 500 or 503. From 5 on: the console's log says "
            "why. Look at the database first, then for a right or a table that is missing.",
            (Query(f"topk(3, {_FAILED} > 0) or on () {_NONE}", "{{page}}", Healthy.ZERO),),
            ("KocConsoleFailing",),
            6,
            Kind.NUMBERS,
            steps=orange_from(5),
        ),
        Panel(
            "Slowest pages",
            "The time that 95 of 100 answers of the last 15 minutes stay below. Above three seconds: is one page slow, "
            "or are all? Look for a lock in the database, and at its disk.",
            (Query(f"topk(3, koc:console_seconds:p95{HERE}) or on () {_NONE}", "{{page}}", Healthy.POSITIVE),),
            ("KocConsoleSlow",),
            7,
            Kind.NUMBERS,
            "s",
            orange_from(3),
        ),
        Panel(
            "Refused sign-ins",
            "Attempts to sign in of the last 15 minutes that failed or had to wait. Above 20: somebody guesses, or a "
            "program has an old password. Nobody gets in while 20 fail within a minute.",
            (Query(f"max(koc:console_refused:count{HERE}) or vector(0)", "refused"),),
            ("KocConsoleGuessing",),
            4,
            Kind.NUMBERS,
            steps=orange_from(21),
        ),
        Panel(
            "Sessions and requests",
            "Sessions of browsers, and requests an hour. Sessions end when the console starts again, so people sign in "
            "anew. 0 requests on a working day: look whether people reach it.",
            (
                Query(f"sum(koc_console_sessions{HERE})", "sessions"),
                Query(f"3600 * {rate('koc_console_requests_total', where=HERE)}", "requests an hour"),
            ),
            ("KocConsoleDown",),
            7,
        ),
    ),
)

FAULTS = Row(
    "What goes wrong, what does it need?",
    6,
    (
        Panel(
            "Faults an hour",
            "Produces that failed (each stops its worker), transactions tried again by cause, and restarts. "
            "Serialization failures are well in small numbers; lost connections: look at PostgreSQL.",
            (
                Query(
                    f"3600 * {rate('koc_attribution_produce_failures_total', where=HERE)}",
                    "produces failed",
                    Healthy.ZERO,
                ),
                Query(
                    f"3600 * {rate('koc_poster_retries_total', 'cause', where=HERE)}",
                    "tried again: {{cause}}",
                    Healthy.NONE_OR_NATURAL,
                ),
                Query(f"sum(changes(process_start_time_seconds{HERE}[1h]))", "restarts"),
            ),
            ("KocProduceFailures", "KocDatabaseRetries", "KocProcessRestarts"),
            6,
        ),
        Panel(
            "CPU",
            "Cores that each process uses. Attribution near one core for long: add a worker.",
            (
                Query(
                    f"rate(process_cpu_seconds_total{HERE}[$__rate_interval])",
                    "{{job}} {{instance}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocFreshnessBurnSlow",),
            6,
        ),
        Panel(
            "Memory",
            "Resident memory of each process. Near its limit: raise the limit, or add a worker.",
            (Query(f"process_resident_memory_bytes{HERE}", "{{job}} {{instance}}", Healthy.POSITIVE),),
            ("KocProcessRestarts",),
            6,
            unit="bytes",
        ),
        Panel(
            "Builds that run",
            "Processes by kind and version. Two versions of a kind are well only during an upgrade.",
            (
                Query(
                    f"count by (process, version) (koc_build_info{HERE})",
                    "{{process}} {{version}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocProcessRestarts",),
            6,
            Kind.BARS,
        ),
    ),
)

BOARD = Board(
    "worker",
    "KOC settlement: Worker internals",
    "How does each process live and work, does its state come back, what goes wrong?",
    (LIVES, WORK, STATE, CONSOLE, FAULTS),
    "now-1h",
    "10s",
    by_instance=True,
)
