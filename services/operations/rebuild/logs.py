"""What a rebuild reads: batches of credits and registry events, and the commands as they were recorded."""

from collections.abc import Iterable, Iterator
from typing import Any

from schemas import decoding
from schemas.topics import COMMANDS, CREDITS, REGISTRY
from services.kernel.errors import InvariantBroken, Refused, StartRefused
from services.kernel.time import parse_rfc3339
from services.operations.rebuild.report import RebuildReport
from services.runtime.topic_reader import TopicRecords
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.ports import Batch, IncomingAssertion, ReferenceEvent
from services.settlement.domain.book.commands import ChainedCommand, Command, chain_command
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.posting.read_registry import read_event

REBUILT_FROM = (CREDITS, REGISTRY, COMMANDS)
BATCH = 5_000


def check_logs(topics: TopicRecords, point: RunPoint) -> None:
    """Refuse logs that do not hold all that the books were made of.

    Args:
        topics: as they are now.
        point: where the books stand.

    Raises:
        StartRefused: naming topic, partition and offsets.
    """
    if point.generation:
        raise StartRefused(
            f"{CREDITS.name} was made again since the books began, so its old records cannot be read: the books cannot"
            " be rebuilt from it"
        )
    wanted = [(CREDITS.name, number, end) for number, end in enumerate(point.credits)]
    for topic, number, end in (*wanted, (REGISTRY.name, 0, point.registry), (COMMANDS.name, 0, point.commands)):
        begins, ends = topics.begin(topic, number), topics.end(topic, number)
        if begins > 0 and end > 0:
            raise StartRefused(
                f"{topic}-{number} no longer begins at offset 0 but at {begins:,}: records that the books were made of "
                "are past retention, so the books cannot be rebuilt from topics; `koc ledger audit --from-topics` "
                "still checks what is left"
            )
        if ends < end:
            raise StartRefused(
                f"{topic}-{number} ends at offset {ends:,} and the books know {end:,} records: run `koc drain`, then "
                "try again"
            )


def read_commands(topics: TopicRecords, last: int) -> list[ChainedCommand]:
    """The commands up to a number, each proven to follow the one before.

    Raises:
        InvariantBroken: the chain is broken.
        StartRefused: not all are published.
    """
    found: list[ChainedCommand] = []
    changed: list[tuple[ChainedCommand, ChainedCommand]] = []
    for _, raw in topics.records(COMMANDS.name, 0, 0, topics.end(COMMANDS.name, 0)):
        message: Any = decoding.read(COMMANDS.name, raw)
        link = found[-1].link if found else GENESIS
        if link.seq < message.seq <= last:
            said: Any = decoding.read_object(raw)
            command = Command(
                said["command_id"], said["kind"], said["by"], said["reason"], parse_rfc3339(said["at"]),
                said["body"], said["point"], said["result"] or {},
            )  # fmt: skip
            derived = chain_command(command, link)
            recorded = derived._replace(seq=message.seq, hash=bytes.fromhex(message.hash))
            if recorded != derived:
                changed.append((recorded, derived))
            found.append(recorded)
    _check_changed(changed, SeveredRows(found))
    if len(found) < last:
        raise StartRefused(f"{COMMANDS.name} ends with command {len(found)}, the books have {last}: run `koc drain`")
    return found


def _check_changed(changed: Iterable[tuple[ChainedCommand, ChainedCommand]], severed: SeveredRows) -> None:
    """Make sure that commands that do not say what their hash covers were severed before they were published again.

    Raises:
        InvariantBroken: one was changed otherwise.
    """
    for stored, derived in changed:
        if not severed.has_command(stored, derived):
            raise InvariantBroken(
                f"command {stored.seq} of {COMMANDS.name} does not follow the one before it: "
                "`koc ledger audit --from-topics` says more"
            )


def point_of(command: Command) -> RunPoint | None:
    """Where the books stood at a command; None: it does not say."""
    said: Any = command.point
    return None if said is None else RunPoint(**said)


class LogReader:
    """Reads credits and registry on from where it stopped; `report` counts what is read and what is left out.

    Args:
        topics: from offset 0 on.
        report: counts and notes go there.
    """

    def __init__(self, topics: TopicRecords, report: RebuildReport) -> None:
        self._topics, self._report = topics, report
        self._credits = [0] * CREDITS.partitions
        self._registry = 0

    def credits(self, partition: int, end: int) -> Iterator[Batch]:
        """Batches of a partition's assertions up to an offset, in order; records that are none are left out."""
        first = self._credits[partition]
        if first >= end:
            return
        self._credits[partition] = end
        incoming: list[IncomingAssertion] = []
        for offset, raw in self._topics.records(CREDITS.name, partition, first, end):
            self._report.replayed["credits"] += 1
            try:
                incoming.append(IncomingAssertion(partition, offset, raw, decode_assertion(raw)))
            except Refused as refused:
                where = f"{CREDITS.name}-{partition}, offset {offset}"
                self._report.notes.append(f"{where} is no credit assertion ({refused}): left out, as by the poster")
            if len(incoming) == BATCH:
                yield Batch({partition: (first, offset + 1)}, incoming)
                first, incoming = offset + 1, []
        if first < end:
            yield Batch({partition: (first, end)}, incoming)

    def registry(self, end: int) -> Iterator[tuple[tuple[int, int], list[ReferenceEvent]]]:
        """Bounds and events of the registry's batches up to an offset; what the contract refuses is left out."""
        first = self._registry
        if first >= end:
            return
        self._registry = end
        events: list[ReferenceEvent] = []
        for offset, raw in self._topics.records(REGISTRY.name, 0, first, end):
            try:
                events.append(read_event(offset, raw))
            except decoding.InvalidEvent:
                self._report.replayed["refused registry events"] += 1
                continue
            self._report.replayed["registry events"] += 1
            if len(events) == BATCH:
                yield (first, offset + 1), events
                first, events = offset + 1, []
        if first < end:
            yield (first, end), events
