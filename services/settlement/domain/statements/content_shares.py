"""What a run settled of one line, content by content.

A line may be settled by several runs, because what is owed can rise again. The rule: each run that raises what is
settled for a claimant earns, for each content, what the content is worth in this run's parts, less what it was worth in
the parts of the last run before that raised the claimant. A content that lost its credit in between is thus negative,
and the sum over all contents is exactly what the run raised.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.shares import Shares


class SettledParts(NamedTuple):
    """What a run left settled of a line, and the parts of the line's credits in it."""

    settled: Shares
    parts: Sequence[CreditPart]


class EarnedContent(NamedTuple):
    """A content and the KOC whose credit it was."""

    content_id: str
    koc_id: str


def earned_contents(run: SettledParts, earlier: Iterable[SettledParts]) -> dict[str, dict[EarnedContent, int]]:
    """What a run raised for each claimant, by content, without zeros.

    Args:
        run: whose row it is.
        earlier: of the same line, in the order of the runs.

    Raises:
        InvariantBroken: a run raised a claimant to something else than its parts come to.
    """
    settled: Shares = {}
    stands: dict[str, Counter[EarnedContent]] = {}
    earned: dict[str, dict[EarnedContent, int]] = {}
    for one in (*earlier, run):
        earned = {}
        for claimant, amount in one.settled.items():
            raised = amount - settled.get(claimant, 0)
            if not raised:
                continue
            before, now = stands.get(claimant, Counter()), _worths(one.parts, claimant)
            delta = {key: minor for key in {**before, **now} if (minor := now[key] - before[key])}
            if sum(delta.values()) != raised:
                raise InvariantBroken(f"{claimant} is settled {raised}, and the parts come to {sum(delta.values())}")
            stands[claimant], earned[claimant] = now, delta
        settled = one.settled
    return earned


def _worths(parts: Sequence[CreditPart], claimant: str) -> Counter[EarnedContent]:
    worths: Counter[EarnedContent] = Counter()
    for part in parts:
        worths[EarnedContent(part.content_id, part.koc_id)] += part.amounts.get(claimant, 0)
    return worths
