"""The audit: make the books again from the topics, plan each run anew, and compare with what the ledger topic says."""

from collections.abc import Callable, Iterator, Sequence

from schemas.topics import COMMANDS, CREDITS, LEDGER, REGISTRY, STATEMENTS
from services.kernel.time import parse_rfc3339
from services.operations.audit.books_again import BooksAgain
from services.operations.audit.chains import CommandFacts
from services.operations.audit.command_moves import PAYOUT_PROPOSED, PAYOUTS, PLANNED, RUN
from services.operations.audit.comparison import LedgerComparison
from services.operations.audit.ledger_sums import CONTENTS, PartitionSums, read_partition
from services.operations.audit.line_facts import LineFacts, LineVector, read_line
from services.operations.audit.payout_sets import PayoutSets
from services.operations.audit.periods import PeriodBook
from services.operations.audit.registry_log import RegistryLog
from services.operations.audit.report import AuditReport
from services.operations.audit.severed import SeveredMarks
from services.operations.audit.statements import StatementAudit
from services.operations.audit.timeline import LogPoint, in_order, point_of, read_commands
from services.runtime.topic_reader import TopicRecords
from services.runtime.wire import UNDECODABLE

AuditProgress = Callable[[str], None]
"""Told in words what is done, a line at a time."""

AUDITED = (CREDITS, REGISTRY, COMMANDS, LEDGER, STATEMENTS)
"""The topics that an audit reads."""

_SAY_EVERY = 100_000


def audit(topics: TopicRecords, zone_minutes: int, progress: AuditProgress) -> AuditReport:
    """Check the ledger, commands and statements topics against credits and registry.

    Args:
        topics: at rest: all that is in the credits and the registry is booked and published.
        zone_minutes: the settlement zone, minutes east of UTC.
        progress: told what is done.

    Raises:
        ConnectionError: the broker went away.
    """
    return _Audit(topics, zone_minutes, progress).run()


class _Audit:
    """One audit."""

    def __init__(self, topics: TopicRecords, zone_minutes: int, progress: AuditProgress) -> None:
        self._topics, self._zone, self._progress = topics, zone_minutes, progress
        self._report = AuditReport()
        self._partitions = range(CREDITS.partitions)
        self._offsets = [topics.begin(CREDITS.name, number) for number in self._partitions]
        self._read = 0

    def run(self) -> AuditReport:
        """Chains, then the replay, then the comparison, then what was sealed."""
        commands = read_commands(self._values(COMMANDS.name, 0), self._report)
        lost = self._lost_topics()
        is_cut = self._is_cut(commands)
        replay = None if lost else self._replay(commands, is_cut=is_cut)
        comparison = None if replay is None else LedgerComparison(replay, self._report, is_cut=is_cut)
        periods, sets, lasts = PeriodBook(commands, self._zone, self._report), PayoutSets(), dict[int, int]()
        severed = SeveredMarks(commands)
        for partition in range(LEDGER.partitions):
            self._progress(f"reading {LEDGER.name}, partition {partition}")
            values = self._values(LEDGER.name, partition)
            sums = read_partition(partition, values, severed, self._report, [periods.take, sets.take])
            lasts[partition] = sums.last.seq
            self._check_seen(partition, sums, commands)
            if comparison is not None and replay is not None:
                comparison.compare_lines(partition, sums)
                is_last = partition == CREDITS.partitions
                expected = {**replay.moved, CONTENTS: replay.contents()} if is_last else {}
                comparison.compare_causes(partition, sums, expected)
        if comparison is not None and replay is not None:
            comparison.compare_accounts()
            sets.check(replay.payouts, self._report)
        if not lost:
            self._check_sealed(periods, lasts)
        return self._report

    def _check_sealed(self, periods: PeriodBook, lasts: dict[int, int]) -> None:
        """Seals, and the statements under them."""
        periods.check(lasts)
        if self._topics.begin(STATEMENTS.name, 0) > 0:
            self._report.notes.append(f"{STATEMENTS.name} no longer begins at offset 0: no statement was checked")
            return
        self._progress(f"reading {STATEMENTS.name}")
        StatementAudit(periods.closes, self._report).read(self._values(STATEMENTS.name, 0))

    # what the topics still hold

    def _lost_topics(self) -> bool:
        """Whether a topic that is kept for ever has lost its beginning: then only what is left can be read."""
        places = [(REGISTRY.name, 0), (COMMANDS.name, 0)]
        places += [(LEDGER.name, number) for number in range(LEDGER.partitions)]
        lost = [(topic, number) for topic, number in places if self._topics.begin(topic, number) > 0]
        for topic, number in lost:
            self._report.notes.append(
                f"{topic}, partition {number}, no longer begins at offset 0: only chains and legs were checked"
            )
        return bool(lost)

    def _is_cut(self, commands: Sequence[CommandFacts]) -> bool:
        """Whether the credits are not all there from which runs were planned."""
        cut = [number for number in self._partitions if self._offsets[number] > 0]
        points = [point for point in map(point_of, commands) if point is not None]
        generation = max((point.generation for point in points), default=0)
        older = [one.command_id for one in commands if one.kind in PLANNED and _generation(one) < generation]
        what = (
            "no run or payout could be planned again, and settled lines, nets and payouts count from the ledger topic "
            "only"
        )
        if cut:
            named = ", ".join(map(str, cut))
            self._report.notes.append(f"{CREDITS.name} no longer begins at offset 0 in partitions {named}: {what}")
        if older:
            named = ", ".join(older)
            self._report.notes.append(f"{CREDITS.name} was made again after {named}: {what}")
        return bool(cut or older)

    # the replay

    def _replay(self, commands: Sequence[CommandFacts], *, is_cut: bool) -> BooksAgain:
        """Fold, plan and net from the beginning to the ends of the logs."""
        registry = RegistryLog()
        for offset, raw in self._records(REGISTRY.name, 0, 0, self._topics.end(REGISTRY.name, 0)):
            registry.add(offset, raw)
        self._report.checked["registry events"] = len(registry)
        replay = BooksAgain(registry, CREDITS.partitions, self._report)
        ends = tuple(self._topics.end(CREDITS.name, number) for number in self._partitions)
        newest = max((_generation(one) for one in commands), default=0)
        for command in in_order(commands):
            point = point_of(command)
            if point is not None and point.generation == newest:
                self._check_point(command, point, ends)
                replay.advance(self._credits_to(point.credits), point.registry)
            if command.kind not in PLANNED | PAYOUTS:
                replay.command(command)
            elif not is_cut:
                self._repeat(replay, command)
        replay.advance(self._credits_to(ends), self._topics.end(REGISTRY.name, 0))
        self._report.checked["credits"] = self._read
        return replay

    def _check_point(self, command: CommandFacts, point: LogPoint, ends: Sequence[int]) -> None:
        """No decision saw more than the logs hold."""
        ahead = [number for number in self._partitions if point.credits[number] > ends[number]]
        if ahead or point.registry > self._topics.end(REGISTRY.name, 0):
            where = f"command {command.seq} {command.command_id}"
            self._report.differ("point", where, "offsets within the logs", f"{list(point.credits)}, {point.registry}")

    def _repeat(self, replay: BooksAgain, command: CommandFacts) -> None:
        """A run or a command about payouts, of credits that are whole."""
        if command.kind == RUN:
            self._plan_again(replay, command)
        elif command.kind == PAYOUT_PROPOSED:
            self._progress(f"planning payout batch {command.command_id} again, as of {command.body['as_of']}")
            replay.propose(command)
        else:
            replay.command(command)

    def _plan_again(self, replay: BooksAgain, command: CommandFacts) -> None:
        """One run."""
        self._progress(f"planning run {command.command_id} again, as of {command.body['as_of']}")
        again = replay.run(command.command_id, parse_rfc3339(command.body["as_of"]))
        found = (command.result or {}).get("plan_sha256")
        self._report.checked["runs"] += 1
        self._report.checked["lines in runs"] += again.lines
        if again.plan_sha256 != found:
            where = f"run {command.command_id} of {again.lines:,} lines"
            self._report.differ("plan", where, again.plan_sha256, found)

    def _check_seen(self, partition: int, sums: PartitionSums, commands: Sequence[CommandFacts]) -> None:
        """No decision saw more entries than the ledger topic holds."""
        seen = [(one.point["seqs"][partition], one) for one in commands if one.point and one.point.get("seqs")]
        number, command = max(seen, key=lambda one: one[0], default=(0, None))
        if command is not None and number > sums.last.seq:
            where = f"writer {partition}, seen by command {command.seq} {command.command_id}"
            self._report.differ("ledger end", where, f"an entry {number}", f"the last entry is {sums.last.seq}")

    # reading

    def _credits_to(self, ends: Sequence[int]) -> Iterator[tuple[int, int, tuple[LineFacts, LineVector]]]:
        """The next credits of each partition, up to these offsets."""
        for number in self._partitions:
            first, end = self._offsets[number], min(ends[number], self._topics.end(CREDITS.name, number))
            if first < end:
                self._offsets[number] = end
                for offset, raw in self._records(CREDITS.name, number, first, end):
                    self._read += 1
                    if self._read % _SAY_EVERY == 0:
                        self._progress(f"{self._read:,} credits read")
                    if assertion := self._assertion(number, offset, raw):
                        yield number, offset, assertion

    def _assertion(self, partition: int, offset: int, raw: bytes) -> tuple[LineFacts, LineVector] | None:
        try:
            return read_line(raw)
        except (*UNDECODABLE, ValueError) as problem:
            where = f"{CREDITS.name}, partition {partition}, offset {offset}"
            self._report.differ("unreadable", where, "an assertion", problem)
            return None

    def _records(self, topic: str, partition: int, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        return self._topics.records(topic, partition, first, end)

    def _values(self, topic: str, partition: int) -> Iterator[bytes]:
        """All records of a partition that are kept."""
        begin, end = self._topics.begin(topic, partition), self._topics.end(topic, partition)
        return (raw for _, raw in self._records(topic, partition, begin, end))


def _generation(command: CommandFacts) -> int:
    point = point_of(command)
    return 0 if point is None else point.generation
