"""What a run comes to: lines and money by brand and party, and what was left out and why."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from services.settlement.books.net_ports import InCurrency
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.book.positions import Position
from services.settlement.domain.settling.contents import brand_of
from services.settlement.domain.settling.shares import Shares


@dataclass(slots=True)
class RunTally:
    """Sums in minor units; `skipped` by (reason, currency), lines and amounts."""

    lines: int = 0
    contents: int = 0
    brands: Counter[InCurrency] = field(default_factory=Counter)
    claimants: Counter[InCurrency] = field(default_factory=Counter)
    skipped_lines: Counter[InCurrency] = field(default_factory=Counter)
    skipped_minor: Counter[InCurrency] = field(default_factory=Counter)

    def settle(self, brand_id: str, currency: str, before: Shares, after: Shares) -> None:
        """Count a line."""
        self.lines += 1
        self._add(brand_id, currency, before, after)

    def settle_content(self, booked: Position, currency: str, before: Shares, after: Shares) -> None:
        """Count a script fee."""
        self.contents += 1
        self._add(brand_of(booked) or "", currency, before, after)

    def skip(self, reason: str, currency: str, amount_minor: int) -> None:
        """Count a line that the run leaves out."""
        self.skipped_lines[reason, currency] += 1
        self.skipped_minor[reason, currency] += amount_minor

    def parties(self) -> dict[InCurrency, int]:
        """What is settled for each party; our own fee is not among them."""
        return {key: minor for key, minor in self.claimants.items() if key[0] != OURSELVES}

    def summary(self) -> dict[str, Any]:
        """What a command's result says: bounded, however many parties there are."""
        whole = self.body()
        billed: Counter[str] = Counter()
        for (_, currency), minor in self.brands.items():
            billed[currency] += minor
        return {
            "lines": whole["lines"],
            "script_fees": whole["script_fees"],
            "billed_minor": dict(sorted(billed.items())),
            "skipped": whole["skipped"],
        }

    def body(self) -> dict[str, Any]:
        """As JSON, sorted."""
        return {
            "lines": self.lines,
            "script_fees": self.contents,
            "brands": _rows("brand_id", self.brands),
            "parties": _rows("party", self.claimants),
            "skipped": [
                {"reason": reason, "currency": of, "lines": count, "amount_minor": self.skipped_minor[reason, of]}
                for (reason, of), count in sorted(self.skipped_lines.items())
            ],
        }

    def _add(self, brand_id: str, currency: str, before: Shares, after: Shares) -> None:
        total = 0
        for claimant, amount in after.items():
            if raised := amount - before.get(claimant, 0):
                self.claimants[claimant, currency] += raised
                total += raised
        self.brands[brand_id, currency] += total


def _rows(name: str, sums: Counter[InCurrency]) -> list[dict[str, Any]]:
    return [{name: who, "currency": of, "amount_minor": minor} for (who, of), minor in sorted(sums.items())]
