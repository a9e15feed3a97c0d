"""What a party's net needs of the store: runs and proposals of payouts read it in a snapshot of theirs."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.candidates import OpenCases

InCurrency = tuple[str, str]
"""A party (`ROLE:ID`), or a brand, and a currency."""


class RunPoint(NamedTuple):
    """How far a snapshot is: what a run is a function of, besides its moment.

    `credits` is the next offset of each credits partition, `registry` of the registry, `commands` the last command's
    number, `seqs` the last number of each writer, writer N's last.
    """

    generation: int
    credits: Sequence[int]
    registry: int
    commands: int
    seqs: Sequence[int]


class PartyBalance(NamedTuple):
    """A party's accounts in one currency: payable and held as credits, clawback as a debit, what was written off."""

    party: str
    currency: str
    payable: int
    held: int
    clawback: int
    written_off: int


class Claim(NamedTuple):
    """A party's part in a line (`subject` is ORDER/LINE/BUYER), or in the script fee of a content (its id)."""

    party: str
    currency: str
    subject: str


class NetSnapshot(Protocol):
    """One REPEATABLE READ snapshot, read-only."""

    def point(self) -> RunPoint:
        """How far it is."""

    def reference(self) -> Reference:
        """As of the point's registry offset, with every version."""

    def open_jobs(self) -> Mapping[int, Sequence[int]]:
        """Partition -> reprice jobs with lines left in it."""

    def open_cases(self) -> OpenCases:
        """Disputes opened and not decided, and holds placed and not released, but for those on owners."""

    def held_owners(self) -> frozenset[str]:
        """Parties (`ROLE:ID`) with an open hold on them."""

    def balances_of(self, parties: Collection[InCurrency], owners: Collection[str]) -> list[PartyBalance]:
        """Of these, of these owners in every currency, and of every other party that owes or has held money."""

    def reserves(self, as_of: int) -> dict[InCurrency, int]:
        """Reserves of earlier runs whose `until` is later than this."""

    def refused(self) -> dict[InCurrency, int]:
        """Payouts that came back, were not released, and whose party has not said since where it is paid."""

    def netted_since(self, parties: Collection[InCurrency]) -> Mapping[InCurrency, int]:
        """What was netted of these parties' payable and held money since their last payout; without those of nothing.

        A payout that was cancelled is none, here as everywhere.
        """

    def clawed_back(self, parties: Collection[InCurrency]) -> Mapping[Claim, int]:
        """What is clawed back of the lines and script fees of these parties."""

    def unpaid(self, claims: Collection[Claim]) -> set[Claim]:
        """Those of these that are in no payout yet.

        A run settled something of them since the party's last payout, or that payout left them held.
        """

    def settled_lines_of(
        self, order_lines: Collection[tuple[str, str | None]], contents: Collection[str]
    ) -> list[Line]:
        """Lines with something settled of these orders (None = all lines of it), or credited to these contents."""
