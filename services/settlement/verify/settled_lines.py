"""What runs have settled of lines: S is what the last run that came to a line planned, under the first one's terms."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from services.settlement.books.run_records_port import LineInRun, RunRecord, SettledLine
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import NO_GRANTS
from services.settlement.domain.settling.shares import Shares
from services.settlement.verify.findings import Difference


class SettledLineCheck:
    """Takes every line that runs planned or that something is settled of.

    `lines` counts what each run planned; `raised` is what each run settles above earlier ones: run -> (claimant,
    currency) -> minor units.

    Args:
        runs: by id.
    """

    def __init__(self, runs: Mapping[str, RunRecord]) -> None:
        self._runs = runs
        self.lines: Counter[str] = Counter()
        self.raised: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)

    def line(self, one: SettledLine) -> Iterator[Difference]:
        """One line."""
        where = f"line {'/'.join(one.key)}"
        if one.line is None:
            yield Difference("settled", where, "no row", f"a line that run {one.plans[0].run} settled")
            return
        yield from self._raises(where, one.line.currency, one.plans)
        applied = [plan for plan in one.plans if plan.is_applied]
        yield from self._settled(where, one.line, applied)
        for plan in one.plans:
            if not plan.is_applied and self._runs[plan.run].is_done:
                yield Difference("run", where, f"left out by run {plan.run}, which is done", "settled by it")

    def _raises(self, where: str, currency: str, plans: Sequence[LineInRun]) -> Iterator[Difference]:
        """What each run settles above the runs before it; no run lowers anything."""
        before: Shares = {}
        for run, plan, _ in plans:
            self.lines[run] += 1
            for claimant in {**before, **plan.settled}:
                raised = plan.settled.get(claimant, 0) - before.get(claimant, 0)
                self.raised[run][claimant, currency] += raised
                if raised < 0:
                    stored = f"run {run} settles {plan.settled.get(claimant, 0)} for {claimant}"
                    yield Difference("settled", where, stored, f"no less than {before[claimant]}, as settled before")
            before = plan.settled

    def _settled(self, where: str, line: Line, applied: Sequence[LineInRun]) -> Iterator[Difference]:
        """What is stored with the line must be what the runs left there."""
        settled, grants = (applied[-1].plan.settled, applied[-1].plan.grants) if applied else ({}, NO_GRANTS)
        if line.settled != settled:
            yield Difference("settled", where, shares_text(line.settled), shares_text(settled))
        if line.grants != grants:
            yield Difference("grants", where, str(line.grants), str(grants))
        terms = self._runs[applied[0].run].run.terms if applied else None
        if line.terms != terms:
            yield Difference("terms", where, str(line.terms), str(terms))


def shares_text(shares: Shares) -> str:
    """Shares in one line."""
    return ", ".join(f"{claimant} {amount}" for claimant, amount in sorted(shares.items())) or "nothing"
