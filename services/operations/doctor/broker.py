"""Whether Kafka answers with the topics that the registry names, and how old the snapshots of the stores are."""

from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.topics import ALL, BUYER_PARTITIONS
from services.attribution.snapshots.archive import open_snapshots
from services.attribution.worker.startup import snapshot_url
from services.operations.doctor.findings import DoctorFinding, Severity
from services.runtime.kafka import admin
from services.runtime.settings import settings
from services.runtime.topics import replication_problems, topic_problems


def check_broker() -> str:
    """How many brokers answer."""
    try:
        with admin() as client:
            brokers = [one for one in client.describe_cluster()["brokers"] if not one.get("is_fenced")]
    except ConnectionError as problem:
        raise ConnectionError(f"{problem}; start one with `koc local up`, or set KOC_KAFKA_BOOTSTRAP") from problem
    return f"{len(brokers)} broker{'s' if len(brokers) > 1 else ''} at {settings().kafka_bootstrap}"


def check_topics() -> Iterator[DoctorFinding]:
    """Partition counts, timestamp type, cleanup policy, retention and replicas of every topic."""
    problems = topic_problems() + replication_problems()
    for problem in problems:
        yield DoctorFinding("topics", Severity.PROBLEM, problem)
    if not problems:
        yield DoctorFinding("topics", Severity.OK, f"all {len(ALL)} are as schemas/topics.py says")


def check_snapshots() -> str:
    """How many partitions have a snapshot in the object store, and how old the oldest of the newest is."""
    snapshots = open_snapshots(snapshot_url())
    newest = [max(found.values()) for i in range(BUYER_PARTITIONS) if (found := snapshots.names(i))]
    if not newest:
        return f"there is none yet at {snapshot_url()}"
    age = (datetime.now(UTC) - min(newest)).total_seconds()
    return f"{len(newest)} of {BUYER_PARTITIONS} partitions have one at {snapshot_url()}, at most {age:.0f} s old"
