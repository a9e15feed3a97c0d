"""The checks of a start: policies, the broker's topics, and a place for snapshots."""

import fcntl
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from schemas.topics import BY_NAME, CLICKS, CREDITS, ORDERS
from services.attribution.policy.file import PolicyFile, read_policy_file
from services.attribution.snapshots.archive import Snapshots, open_snapshots
from services.attribution.snapshots.keeper import Keeper
from services.attribution.state.metadata import StoreTerms
from services.kernel.errors import StartRefused
from services.runtime.kafka_rights import check_rights
from services.runtime.settings import local_dir, settings
from services.runtime.topics import topic_ids, topic_problems

GROUP = "koc-attribution"
INPUTS = frozenset({CLICKS.name, ORDERS.name})
TOUCHED = (CLICKS, ORDERS, CREDITS, BY_NAME[CLICKS.dlq], BY_NAME[ORDERS.dlq])
"""The topics that a worker reads or writes."""


class World(NamedTuple):
    """The surroundings of a worker, as checked at its start."""

    policies: PolicyFile
    topic_ids: dict[str, str]
    snapshots: Snapshots

    def terms(self, partition: int) -> StoreTerms:
        """The terms of this process for a partition number."""
        rules, horizons = self.policies
        return StoreTerms.now(partition, self.topic_ids, horizons, rules)

    def keeper(self, folder: Path) -> Keeper:
        """The keeper of the stores in a folder."""
        return Keeper(folder, self.snapshots, self.terms, self.policies.rules)


def check_world() -> World:
    """Read the policies, check the topics, and open the place for snapshots.

    Raises:
        StartRefused: a policy, a topic or a setting is not as this worker needs it.
        ConnectionError: no broker answers, or it went away; another start helps.
    """
    policies = read_policy_file()
    snapshots = open_snapshots(snapshot_url())
    if problems := topic_problems(TOUCHED):
        raise StartRefused("; ".join(problems))
    check_rights((CLICKS, ORDERS), TOUCHED, GROUP)
    return World(policies, topic_ids(sorted(INPUTS)), snapshots)


def occupy(folder: Path) -> Any:
    """Keep other workers out of a state folder. Returns an open file that locks it until the process ends.

    Call this before joining the group: a worker that cannot work must not take the place of one that does.

    Raises:
        StartRefused: another worker uses the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "worker.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StartRefused(
            f"another worker is at work in {folder}: give each worker its own KOC_STATE_DIR and KOC_INSTANCE_ID"
        ) from None
    return file


def volumes() -> dict[str, Path]:
    """The folders that a worker fills: `state`, and `snapshots` if these go to a folder."""
    url = urlsplit(snapshot_url())
    snapshots = {"snapshots": Path(unquote(url.path))} if url.scheme == "file" else {}
    return {"state": settings().state_dir, **snapshots}


def snapshot_url() -> str:
    """The URL for snapshots; outside production it has a default.

    Raises:
        StartRefused: in production KOC_SNAPSHOT_URL is not set.
    """
    known = settings()
    if known.snapshot_url is None and known.environment == "production":
        raise StartRefused(
            "KOC_SNAPSHOT_URL is not set: in production a lost disk must not cost the history of the topics; "
            "set it to s3://bucket/prefix, or file:///folder on storage that outlives this machine"
        )
    return known.snapshot_url or (local_dir() / "snapshots").as_uri()
