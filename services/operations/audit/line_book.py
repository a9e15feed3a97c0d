"""Order lines as their assertions leave them: which assertion stands, which buyer's line does, and what is frozen."""

from collections.abc import Callable, Iterator, Mapping
from sys import intern

from services.operations.audit.line_facts import LineFacts, LineVector, pack, unpack
from services.operations.audit.pricing import Amounts, GrantFacts
from services.operations.audit.severed import is_surrogate

UNSEEN: LineVector = (-1, 0, 0, 0)
"""Below the vector of every assertion."""

NOTHING: Mapping[str, GrantFacts] = {}


class AuditedLine:
    """One buyer's line; a million of them are in memory at once.

    Attributes:
        vector: of the assertion that stands; `joined` is the join of all that came.
        offset: of the assertion that stands, in its partition.
        frozen: at what is booked: by a command, or as a later assertion had another paid_at.
        settled: S; `settlements` are (number of the run, S after it).
        terms: (registry offset, moment) of the first run that settled it.
        owed: T where something is settled or the line is frozen.
    """

    __slots__ = (
        "bonus_minor",
        "buyer_id",
        "currency",
        "frozen",
        "grants",
        "joined",
        "offset",
        "owed",
        "packed",
        "paid_at",
        "partition",
        "settled",
        "settlements",
        "standing",
        "terms",
        "vector",
    )  # fmt: skip

    def __init__(self, partition: int, buyer_id: str) -> None:
        self.partition = partition
        self.buyer_id = buyer_id
        self.currency = ""
        self.paid_at = 0
        self.packed = b""
        self.offset = -1
        self.vector = self.joined = UNSEEN
        self.standing = True
        self.frozen = False
        self.settled: Amounts = _NO_AMOUNTS
        self.settlements: tuple[tuple[int, Amounts], ...] = ()
        self.terms: tuple[int, int] | None = None
        self.grants = NOTHING
        self.bonus_minor = 0
        self.owed: Amounts = _NO_AMOUNTS

    @property
    def facts(self) -> LineFacts:
        """What the assertion that stands says."""
        return unpack(self.packed)

    @property
    def is_complete(self) -> bool:
        """Whether an assertion stands that knows all that came."""
        return self.vector == self.joined and self.vector != UNSEEN


_NO_AMOUNTS: Amounts = {}
Watcher = Callable[[AuditedLine], None]


class LineBook:
    """The lines.

    Args:
        freezing: told of a line that an assertion freezes, before the assertion stands.
        changed: told of a line that is worth something else now.
    """

    def __init__(self, freezing: Watcher, changed: Watcher) -> None:
        self._lines: dict[str, AuditedLine | list[AuditedLine]] = {}
        self._freezing, self._changed = freezing, changed

    def __iter__(self) -> Iterator[tuple[str, AuditedLine]]:
        """`ORDER/LINE` and line."""
        for name, found in self._lines.items():
            if isinstance(found, list):
                yield from ((name, line) for line in found)
            else:
                yield name, found

    def claimants(self, name: str) -> list[AuditedLine]:
        """All buyers' lines of `ORDER/LINE`."""
        found = self._lines.get(name)
        return found if isinstance(found, list) else [] if found is None else [found]

    def take(self, partition: int, offset: int, facts: LineFacts, vector: LineVector) -> None:
        """Fold the next assertion of a partition."""
        name = f"{facts.order_id}/{facts.line_id}"
        if surrogate := self._surrogate(name, partition, facts):
            facts = facts._replace(buyer_id=surrogate)
        line, is_new = self._line(name, facts.buyer_id, partition)
        if vector == line.vector:
            return
        if knows_all_of(vector, line.vector):
            self._accept(line, offset, facts, vector)
        elif not knows_all_of(line.vector, vector):
            line.joined = join(line.joined, vector)
            return
        if is_new:
            self._decide(name, line)

    def freeze(self, name: str, buyer_id: str, partition: int) -> None:
        """A command freezes a line, perhaps one that has not come yet; such a line stands if no other does."""
        others = [line for line in self.claimants(name) if line.standing]
        line, is_new = self._line(name, buyer_id, partition)
        if is_new:
            line.standing = not others
        elif not line.frozen:
            self._freezing(line)
        line.frozen = True

    def release(self, name: str, buyer_id: str) -> None:
        """A command lets a line go; who owns the order line is decided again."""
        claimants = self.claimants(name)
        for line in claimants:
            if line.buyer_id == buyer_id and line.packed:
                line.frozen, line.paid_at = False, line.facts.paid_at
        owner = _owner(claimants)
        for line in claimants:
            line.standing = line is owner
            self._changed(line)

    def sever(self, name: str, place: int, surrogate: str) -> str:
        """A command puts a surrogate in the place of a line's buyer, whom it returns."""
        line = sorted(self.claimants(name), key=lambda one: (one.paid_at, one.buyer_id))[place]
        buyer_id, line.buyer_id = line.buyer_id, surrogate
        if line.packed:
            line.packed = pack(line.facts._replace(buyer_id=surrogate))
        return buyer_id

    def _surrogate(self, name: str, partition: int, facts: LineFacts) -> str | None:
        """Whose line an assertion is about, if it is about a severed one: of this partition and time of payment."""
        found = self.claimants(name)
        if any(line.buyer_id == facts.buyer_id for line in found):
            return None
        for line in found:
            is_known = line.vector == UNSEEN or line.paid_at == facts.paid_at
            if is_surrogate(line.buyer_id) and line.partition == partition and is_known:
                return line.buyer_id
        return None

    def _line(self, name: str, buyer_id: str, partition: int) -> tuple[AuditedLine, bool]:
        """A buyer's line, and whether it is new."""
        found = self.claimants(name)
        for line in found:
            if line.buyer_id == buyer_id:
                return line, False
        line = AuditedLine(partition, buyer_id)
        self._lines[name] = [*found, line] if found else line
        return line, True

    def _accept(self, line: AuditedLine, offset: int, facts: LineFacts, vector: LineVector) -> None:
        """Let an assertion stand."""
        is_first = line.vector == UNSEEN
        if not is_first and facts.paid_at != line.paid_at and not line.frozen:
            self._freezing(line)
            line.frozen = True
        if is_first:
            line.paid_at, line.currency = facts.paid_at, intern(facts.currency)
        line.packed, line.offset = pack(facts), offset
        line.joined = vector if line.joined == line.vector else join(line.joined, vector)
        line.vector = vector
        self._changed(line)

    def _decide(self, name: str, new: AuditedLine) -> None:
        """A new line claims the order line: it has it if no frozen line does and none is earlier."""
        claimants = self.claimants(name)
        if len(claimants) == 1:
            return
        holders = [line for line in claimants if line is not new and line.standing and line.frozen]
        owner = _owner(holders or claimants)
        for line in claimants:
            if line.standing and line is not owner:
                line.standing = False
                self._changed(line)


def _owner(lines: list[AuditedLine]) -> AuditedLine:
    return min(lines, key=lambda line: (not (line.frozen and line.standing), line.paid_at, line.buyer_id))


def knows_all_of(one: LineVector, other: LineVector) -> bool:
    """Whether one vector dominates another; a newer generation of the input topics dominates every older one."""
    if one[0] != other[0]:
        return one[0] > other[0]
    return one[1] >= other[1] and one[2] >= other[2] and one[3] >= other[3]


def join(one: LineVector, other: LineVector) -> LineVector:
    """What two vectors know together."""
    if one[0] != other[0]:
        return max(one, other)
    return one[0], max(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
