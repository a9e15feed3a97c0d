"""The ledger topic against the books made again: per order line, per run, per cause, per account."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.operations.audit.books_again import BooksAgain
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.ledger_sums import CONTENTS, BookedAccounts, PartitionSums
from services.operations.audit.line_book import AuditedLine
from services.operations.audit.places import owed_by_accounts, position
from services.operations.audit.report import AuditReport

LEDGER_ONLY = "lines from the ledger topic only"


class LedgerComparison:
    """Compares partition after partition, then the accounts.

    Args:
        replay: at the ends of the logs.
        report: differences and counts go there.
        is_cut: the credits are not whole, so that no run was planned again.
    """

    def __init__(self, replay: BooksAgain, report: AuditReport, *, is_cut: bool) -> None:
        self._replay, self._report, self._is_cut = replay, report, is_cut
        self._expected: Counter[AccountOf] = Counter()
        self._found: Counter[AccountOf] = Counter()

    def compare_lines(self, partition: int, sums: PartitionSums) -> None:
        """The lines of a partition, and that it has no entries of others."""
        lines, report = self._replay.lines, self._report
        known = set()
        for name, line in lines:
            if line.partition != partition:
                continue
            group = [one for one in lines.claimants(name) if one.partition == partition]
            if line is group[0]:
                known.add(name)
                self._compare_line(name, group, sums)
        for name in sums.lines.keys() - known:
            self._count(sums.lines[name], self._found)
            if self._is_cut:
                self._take_over(sums.lines[name])
            else:
                report.differ("unknown line", name, "no entries: no credits name it", _text(sums.lines[name]))

    def compare_causes(self, partition: int, sums: PartitionSums, expected: Mapping[str, Counter[AccountOf]]) -> None:
        """Entries that belong to no line, by cause."""
        for cause in sorted({*expected, *sums.causes}):
            booked = sums.causes.get(cause, Counter())
            self._count(booked, self._found)
            if self._is_cut and (cause == CONTENTS or cause.startswith(("run ", "payout "))):
                self._count(booked, self._expected)
                continue
            wanted = {key: amount for key, amount in expected.get(cause, Counter()).items() if amount}
            self._report.checked["causes without a line"] += 1
            self._compare("cause", f"writer {partition}, {cause}", wanted, booked)

    def compare_accounts(self) -> None:
        """Every account and currency."""
        self._report.checked["accounts"] = len({*self._expected, *self._found})
        self._compare("account", "all entries", self._expected, self._found, count=False)

    def _compare_line(self, name: str, group: Sequence[AuditedLine], sums: PartitionSums) -> None:
        """One order line's accounts, and what each run settled of it."""
        booked = sums.lines.get(name, {})
        self._count(booked, self._found)
        if self._is_cut and name in sums.settled:
            self._take_over(booked)
            return
        self._report.checked["lines"] += 1
        self._report.checked["frozen lines, checked as far as they are settled"] += any(one.frozen for one in group)
        expected = self._expected_of(group, booked)
        self._compare("line account", f"line {name}", expected, booked)
        raises = dict(_raises(group, self._replay.runs))
        settled = sums.settled.get(name, {})
        for run_id, party in sorted({*raises, *settled}):
            wanted, found = raises.get((run_id, party), 0), settled.get((run_id, party), 0)
            if wanted != found:
                self._report.differ("settled", f"line {name}, run {run_id}, {party}", wanted, found)

    def _expected_of(self, group: Sequence[AuditedLine], booked: BookedAccounts) -> BookedAccounts:
        """f(S, T) of all buyers' lines; a frozen line's T is what the ledger shows: no topic says when it froze."""
        worths = self._replay.worths
        expected: BookedAccounts = {}
        for line in sorted(group, key=lambda one: one.frozen):
            if line.frozen:
                rest = {
                    account: amount - expected.get((account, of), 0)
                    for (account, of), amount in booked.items()
                    if of == line.currency
                }
                owed = owed_by_accounts(rest, line.settled)
            else:
                owed = worths.owed(line) if line.terms is None else line.owed
            if owed or line.settled:
                brand_id = line.facts.brand_id
                for account, amount in position(line.settled, owed, brand_id, worths.vat_ppm(line)).items():
                    key = account, line.currency
                    expected[key] = expected.get(key, 0) + amount
        return expected

    def _take_over(self, booked: BookedAccounts) -> None:
        """A line that cannot be derived: what the ledger says of it counts."""
        self._report.checked[LEDGER_ONLY] += 1
        self._count(booked, self._expected)

    def _compare(
        self, check: str, where: str, expected: Mapping[AccountOf, int], found: Mapping[AccountOf, int],
        *, count: bool = True,
    ) -> None:  # fmt: skip
        """Differences account by account."""
        if count:
            self._count(expected, self._expected)
        for key in sorted({*expected, *found}):
            wanted, booked = expected.get(key, 0), found.get(key, 0)
            if wanted != booked:
                self._report.differ(check, f"{where}, {key[0]} {key[1]}", wanted, booked)

    @staticmethod
    def _count(accounts: Mapping[AccountOf, int], sums: Counter[AccountOf]) -> None:
        for key, amount in accounts.items():
            sums[key] += amount


def _raises(group: Iterable[AuditedLine], runs: Sequence[str]) -> Iterator[tuple[tuple[str, str], int]]:
    """(run id, party) and what the run settled of the party's share."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in group:
        before: Mapping[str, int] = {}
        for number, settled in line.settlements:
            for claimant, amount in settled.items():
                if claimant != "platform":
                    sums[runs[number], claimant] += amount - before.get(claimant, 0)
            before = settled
    yield from sums.items()


def _text(accounts: BookedAccounts) -> str:
    return ", ".join(f"{account} {amount} {of}" for (account, of), amount in sorted(accounts.items()) if amount)
