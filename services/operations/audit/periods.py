"""Months, closed again: which close was allowed, which rows it covers, its seal, and the month of every later row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from services.kernel.time import MINUTE, month_of, parse_rfc3339
from services.operations.audit.chains import CommandFacts, LedgerFacts
from services.operations.audit.command_moves import CLOSED, REOPEN_PROPOSED, REOPENED
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.report import AuditReport

NO_SEAL = "0" * 64
UNSURE = MINUTE
"""Rows recorded so near to a reopening may have seen the month closed or open."""

_MINUTE_LENGTH = len("YYYY-MM-DDTHH:MM")


@dataclass(slots=True)
class AuditedClose:
    """A close. `cut` is the last number of each writer that counts; times are microseconds.

    `sums` is what the month's rows up to the cut come to, once the ledger was read.
    """

    number: int
    name: str
    period: str
    revision: int
    cut: Sequence[int]
    seal: str
    reopened_at: int | None = None
    sums: Counter[AccountOf] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        """For a person."""
        return f"{self.period} revision {self.revision}"


class PeriodBook:
    """All closes, checked one by one; then the rows of the ledger, each as it is read.

    Args:
        commands: by number.
        zone_minutes: the settlement zone, minutes east of UTC.
        report: differences go there.

    Attributes:
        closes: in the order of their commands.
    """

    def __init__(self, commands: Iterable[CommandFacts], zone_minutes: int, report: AuditReport) -> None:
        self._zone, self._report = zone_minutes, report
        self._proposals: dict[str, CommandFacts] = {}
        self._first_month: str | None = None
        self.closes: list[AuditedClose] = []
        for command in commands:
            if command.kind == CLOSED:
                self._close(command)
            elif command.kind == REOPEN_PROPOSED:
                self._proposals[command.command_id] = command
            elif command.kind == REOPENED:
                self._reopen(command)
        self._of_month: dict[str, list[AuditedClose]] = {}
        for close in self.closes:
            self._of_month.setdefault(close.period, []).append(close)

    # the commands

    def _standing(self) -> list[AuditedClose]:
        return [close for close in self.closes if close.reopened_at is None]

    def _close(self, command: CommandFacts) -> None:
        """The next month, when it is over."""
        result, period = command.result or {}, command.body["period"]
        standing = self._standing()
        if standing and period != (wanted := month_after(standing[-1].period)):
            self._differ("close", command, f"{wanted}, the month after the last closed one", period)
        if month_of(parse_rfc3339(command.at), self._zone) <= period:
            self._differ("close", command, f"a moment after {period}", command.at)
        revision = 1 + sum(close.period == period for close in self.closes)
        if result["revision"] != revision:
            self._differ("close", command, f"revision {revision}", result["revision"])
        if command.point and list(command.point["seqs"]) != list(result["cut"]):
            self._differ("close", command, f"the cut {command.point['seqs']}", result["cut"])
        close = AuditedClose(command.seq, command.command_id, period, revision, result["cut"], result["seal"])
        if self.closes and any(now < before for now, before in zip(close.cut, self.closes[-1].cut, strict=True)):
            self._differ("close", command, f"a cut not before {self.closes[-1].cut}", close.cut)
        self.closes.append(close)
        self._report.checked["closes"] += 1

    def _reopen(self, command: CommandFacts) -> None:
        """The last closed month, by somebody else than who proposed it."""
        proposal = self._proposals.get(command.body["proposal"])
        if proposal is None or proposal.body["period"] != command.body["period"]:
            self._differ("approval", command, f"a proposal to reopen {command.body['period']}", None)
        elif proposal.by == command.by:
            self._differ("approval", command, f"another login than {proposal.by}", command.by)
        standing = self._standing()
        last = standing[-1] if standing else None
        if last is None or last.period != command.body["period"]:
            found = command.body["period"]
            self._differ("reopening", command, None if last is None else f"{last.period}, the last one", found)
        else:
            last.reopened_at = parse_rfc3339(command.at)

    # the ledger

    def take(self, entry: LedgerFacts) -> None:
        """The next row of a writer: the month that it had to have, and what it adds to closes."""
        for close in self._of_month.get(entry.period, ()):
            if entry.seq <= close.cut[entry.writer]:
                for leg in entry.legs:
                    close.sums[leg.account, entry.currency] += leg.amount_minor
        allowed = self._months_of(entry)
        if entry.period not in allowed:
            where = f"entry {entry.entry_id} of {entry.effective_at}"
            self._report.differ("period", where, " or ".join(sorted(allowed)), entry.period)
        if self.closes and entry.seq <= self.closes[0].cut[entry.writer]:
            self._first_month = min(self._first_month or entry.period, entry.period)

    def _months_of(self, entry: LedgerFacts) -> set[str]:
        """The later of the month of `effective_at` and the oldest open one, as the row's transaction saw it."""
        month = month_of_minute(entry.effective_at[:_MINUTE_LENGTH], self._zone)
        before = (close for close in reversed(self.closes) if close.cut[entry.writer] < entry.seq)
        if (last := next(before, None)) is None:
            return {month}
        closed, opened = max(month, month_after(last.period)), max(month, last.period)
        if last.reopened_at is None:
            return {closed}
        since = parse_rfc3339(entry.recorded_at) - last.reopened_at
        return {closed, opened} if abs(since) <= UNSURE else {opened if since > 0 else closed}

    def check(self, lasts: Mapping[int, int]) -> None:
        """Seals and cuts, when the whole ledger was read.

        Args:
            lasts: number of the last entry of each writer.
        """
        if self.closes and self._first_month not in (None, self.closes[0].period):
            where = f"command {self.closes[0].number} {self.closes[0].name}"
            self._report.differ("close", where, f"{self._first_month}, the first month", self.closes[0].period)
        previous = NO_SEAL
        for close in self.closes:
            where = f"{close.title}, command {close.number} {close.name}"
            if behind := [writer for writer, seq in enumerate(close.cut) if seq > lasts.get(writer, 0)]:
                self._report.differ("close", where, "a cut within the ledger", f"writer {behind[0]} ends before it")
            if (seal := seal_of(close, previous)) != close.seal:
                self._report.differ("seal", where, seal, close.seal)
            previous = close.seal

    def _differ(self, check: str, command: CommandFacts, expected: object, found: object) -> None:
        self._report.differ(check, f"command {command.seq} {command.command_id}", expected, found)


def seal_of(close: AuditedClose, previous: str) -> str:
    """The seal over a close, hexadecimal; domain/book/seals.py of settlement says the bytes."""
    rows = sorted(f"{account}|{of}|{amount}" for (account, of), amount in close.sums.items() if amount)
    cut = ",".join(map(str, close.cut))
    lines = ["koc-seal-1", previous, close.period, str(close.revision), cut, *rows]
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def month_after(month: str) -> str:
    """The calendar month after YYYY-MM."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


@lru_cache(maxsize=100_000)
def month_of_minute(text: str, zone_minutes: int) -> str:
    """The month of a UTC minute, YYYY-MM-DDTHH:MM, in a zone."""
    return month_of(parse_rfc3339(f"{text}:00Z"), zone_minutes)
