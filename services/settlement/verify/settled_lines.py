"""What runs have settled of lines: S is what the last run that came to a line planned.

Its terms are those of the first run, or of the last command that re-rated it since.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.settlement.books.run_records_port import LineInRun, RunRecord, SettledLine
from services.settlement.domain.book.commands import ChainedCommand
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.rerating import grants_after_rerate, is_in_scope
from services.settlement.domain.lines.terms import NO_GRANTS
from services.settlement.domain.settling.shares import Shares
from services.settlement.verify.findings import Difference


class SettledLineCheck:
    """Takes every line that runs planned or that something is settled of.

    `lines` counts what each run planned; `raised` is what each run settles above earlier ones: run -> (claimant,
    currency) -> minor units.

    Args:
        runs: by id.
        rerates: the commands that re-rated lines.
    """

    def __init__(self, runs: Mapping[str, RunRecord], rerates: Iterable[ChainedCommand]) -> None:
        self._runs = runs
        self._rerates: defaultdict[str, list[ChainedCommand]] = defaultdict(list)
        for rerate in rerates:
            self._rerates[_scope_of(rerate).partition("/")[0]].append(rerate)
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
        rerate = self._last_rerate(line, applied)
        if rerate is not None and rerate.seq > self._commands_before(applied[-1]):
            grants = grants_after_rerate(grants)
        if line.settled != settled:
            yield Difference("settled", where, shares_text(line.settled), shares_text(settled))
        if line.grants != grants:
            yield Difference("grants", where, str(line.grants), str(grants))
        stored = None if line.terms is None else (line.terms.registry_offset, line.terms.as_of)
        terms = self._terms(applied, rerate)
        if stored != terms:
            yield Difference("terms", where, str(stored), str(terms))

    def _terms(self, applied: Sequence[LineInRun], rerate: ChainedCommand | None) -> tuple[Any, int] | None:
        """Registry offset and moment that price the line."""
        if rerate is not None:
            point: Any = rerate.command.point
            return point["registry"], rerate.command.at
        if not applied:
            return None
        _, registry_offset, as_of = self._runs[applied[0].run].run.terms
        return registry_offset, as_of

    def _last_rerate(self, line: Line, applied: Sequence[LineInRun]) -> ChainedCommand | None:
        """The last command that re-rated the line; one before its first settlement left it out."""
        if not applied or line.key[0] not in self._rerates:
            return None
        first = self._commands_before(applied[0])
        found = [one for one in self._rerates[line.key[0]] if is_in_scope(_scope_of(one), line.key) and one.seq > first]
        return found[-1] if found else None

    def _commands_before(self, one: LineInRun) -> int:
        """The last command that a run saw: runs and re-rates exclude each other, so later ones came after it."""
        return self._runs[one.run].point.commands


def _scope_of(rerate: ChainedCommand) -> str:
    return str(rerate.command.body["scope"])


def shares_text(shares: Shares) -> str:
    """Shares in one line."""
    return ", ".join(f"{claimant} {amount}" for claimant, amount in sorted(shares.items())) or "nothing"
