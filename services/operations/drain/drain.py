"""Wait until all that was published has reached the ledger topic; decided by offsets, never by counts.

The logs' ends are taken first and taken again after everything has reached them. If they have not moved meanwhile,
nothing was on its way between two parts: what attribution sends to another partition moves an end before its own
position does, and so do credits.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

LogPlace = tuple[str, int]
"""Topic and partition."""

POLL_SECONDS = 0.2


class ReaderPositions(NamedTuple):
    """How far each part has come, read after the ends.

    Attributes:
        offsets: next offset to be read, by topic and partition; what is not there was never read.
        open_jobs: reprice jobs with lines left, by partition.
        unpublished: entries that are booked and not acknowledged by the ledger topic, by writer.
        unpublished_commands: commands that are recorded and not acknowledged by the commands topic.
        unpublished_statements: statements that are issued and not acknowledged by the statements topic.
    """

    offsets: Mapping[LogPlace, int]
    open_jobs: Mapping[int, int]
    unpublished: Mapping[int, int]
    unpublished_commands: int = 0
    unpublished_statements: int = 0


class LogDistance(NamedTuple):
    """Something that has not come to its end: how many records, jobs or entries are missing in a partition."""

    what: str
    partition: int
    missing: int


class DrainResult(NamedTuple):
    """Everything has arrived: how long that took, and the ends that it was held against."""

    seconds: float
    ends: Mapping[LogPlace, int]


class PositionSource(Protocol):
    """Where the logs end and how far their readers are. Both raise ConnectionError while a server is away."""

    def ends(self) -> Mapping[LogPlace, int]:
        """The log ends of clicks, orders, registry and credits."""

    def reached(self) -> ReaderPositions:
        """How far all is now, the group's positions read before the books'."""


class NotDrained(TimeoutError):  # noqa: N818 - what the answer is
    """The time is up; the sentence names what is behind and by how much."""

    def __init__(self, timeout_seconds: float, behind: Sequence[LogDistance], waits_for: str) -> None:
        super().__init__(f"not drained after {timeout_seconds:g} s: {waits_for}")
        self.behind = behind


REPRICE_JOBS = "open reprice jobs"
UNPUBLISHED = "entries not yet published"
UNPUBLISHED_COMMANDS = "commands not yet published"
UNPUBLISHED_STATEMENTS = "statements not yet published"


def drain(positions: PositionSource, timeout_seconds: float, progress: Callable[[str], None]) -> DrainResult:
    """Wait until every reader has reached the ends and nothing is left to be priced or published.

    Args:
        positions: of the world.
        timeout_seconds: after which to give up.
        progress: told what is waited for, a line whenever it changes.

    Raises:
        NotDrained: the time is up.
    """
    began = time.monotonic()
    said = ""
    while True:
        behind: list[LogDistance] = []
        try:
            ends = positions.ends()
            behind = missing(ends, positions.reached())
            if not behind and positions.ends() == ends:
                return DrainResult(time.monotonic() - began, ends)
            waits_for = sentence(behind) or "records that have just arrived"
        except ConnectionError as problem:
            waits_for = str(problem)
        if waits_for != said:
            progress(waits_for)
            said = waits_for
        if time.monotonic() - began >= timeout_seconds:
            raise NotDrained(timeout_seconds, behind, waits_for)
        time.sleep(POLL_SECONDS)


def missing(ends: Mapping[LogPlace, int], reached: ReaderPositions) -> list[LogDistance]:
    """What has not come to its end."""
    unread = [
        LogDistance(topic, partition, end - reached.offsets.get((topic, partition), 0))
        for (topic, partition), end in sorted(ends.items())
    ]
    jobs = [LogDistance(REPRICE_JOBS, partition, count) for partition, count in sorted(reached.open_jobs.items())]
    entries = [LogDistance(UNPUBLISHED, writer, count) for writer, count in sorted(reached.unpublished.items())]
    commands = LogDistance(UNPUBLISHED_COMMANDS, 0, reached.unpublished_commands)
    statements = LogDistance(UNPUBLISHED_STATEMENTS, 0, reached.unpublished_statements)
    return [one for one in (*unread, *jobs, *entries, commands, statements) if one.missing > 0]


def sentence(behind: Sequence[LogDistance]) -> str:
    """For a person: what is behind, by how much, and where; empty if nothing is."""
    parts: dict[str, list[LogDistance]] = {}
    for one in behind:
        parts.setdefault(one.what, []).append(one)
    return "; ".join(
        f"{what}: {sum(one.missing for one in of):,} behind in partition"
        f"{'s' if len(of) > 1 else ''} {', '.join(str(one.partition) for one in of)}"
        for what, of in parts.items()
    )
