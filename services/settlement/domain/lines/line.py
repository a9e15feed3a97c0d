"""An order line as the books know it: how assertions fold into it, and who owns an order line that several claim."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion, content_hash, vector_of
from services.settlement.domain.lines.terms import NO_GRANTS, LineGrants, Terms
from services.settlement.domain.lines.vectors import NOTHING, Precedence, Vector, fold
from services.settlement.domain.settling.shares import Shares

Key = tuple[str, str, str]
"""order_id, line_id, buyer_id: the buyer fixes the partition, and vectors are compared only within a key."""

OTHER_PAID_AT = "asserted later with another paid_at"


class ContentConflict(Exception):  # noqa: N818 - the name of what happened
    """An equal vector with other content: two truths of one line, which no rule can choose between."""

    def __init__(self, key: Key) -> None:
        order_id, line_id, _ = key  # a log holds no buyer
        super().__init__(f"two assertions of line {order_id}/{line_id} have one version vector and different content")
        self.key = key
        self.place: tuple[int, int] | None = None
        """Partition and offset of the second one, for whoever knows."""


@dataclass(slots=True)
class Line:
    """The stored state of a line under one buyer. Times are microseconds, `booked` is its net position.

    `first_seq` is the number of its first journal entry, which later ones correct. `settle_at` is when a run may settle
    it, None = nothing of it waits for that; `due_at` is the `settle_at` that the books have noted as a date to look at.
    `terms` freeze at the first settlement; `settled` is what runs settled.
    """

    key: Key
    partition: int
    paid_at: int
    currency: str
    brand_id: str
    standing: bool = True
    stored: bool = False
    vector: Vector = NOTHING
    joined: Vector = NOTHING
    below_since: int | None = None
    content_hash: bytes = b""
    koc_ids: tuple[str, ...] = ()
    revision: int = 0
    unpriced: str | None = None
    unpriced_minor: int = 0
    quarantined: str | None = None
    set_aside: str | None = None
    booked: Position = field(default_factory=dict)
    booked_steps: tuple[str, ...] = ()
    first_seq: int | None = None
    settle_at: int | None = None
    due_at: int | None = None
    terms: Terms | None = None
    settled: Shares = field(default_factory=dict)
    grants: LineGrants = NO_GRANTS

    @property
    def below_join(self) -> bool:
        """Whether an assertion is still to come that knows all that the line has seen."""
        return self.vector != self.joined

    @property
    def rank(self) -> tuple[int, str]:
        """Of several buyers' lines of one order line, the smallest of these stands."""
        return self.paid_at, self.key[2]

    def take(self, assertion: LineAssertion, now: int) -> Precedence:
        """Fold one assertion in; its content is the caller's to keep when the verdict is ACCEPTED.

        Args:
            assertion: of this line's key.
            now: microseconds; when the line fell below its join, should it do so.

        Raises:
            ContentConflict: the same vector came with other content before, and the line is not quarantined.
        """
        first = self.vector == NOTHING  # also of a line that a person froze before it came
        verdict, self.vector, self.joined = fold(self.vector, self.joined, vector_of(assertion))
        if verdict is Precedence.SAME and self.quarantined is None and content_hash(assertion) != self.content_hash:
            raise ContentConflict(self.key)
        if verdict is Precedence.ACCEPTED:
            self.content_hash = content_hash(assertion)
            if first:
                self.paid_at, self.currency, self.brand_id = assertion.paid_at, assertion.currency, assertion.brand_id
            if assertion.paid_at != self.paid_at and self.quarantined is None:
                self.quarantined = OTHER_PAID_AT
        if not self.below_join:
            self.below_since = None
        elif self.below_since is None:
            self.below_since = now
        return verdict


def owner(lines: Iterable[Line]) -> Line:
    """The line that stands, of all buyers' lines of one order line; one that is frozen keeps its place."""
    every = list(lines)
    frozen = [line for line in every if line.standing and line.stored and line.quarantined is not None]
    return min(frozen or every, key=lambda line: line.rank)
