"""One order line's money over its credits, to the minor unit: sums over all shares are what the books hold.

docs/reports.md defines the figures. Goods and commission go to the credits that stand now. What is claimed back stays
with the contents through which it was settled.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.kernel.money import allocate
from services.settlement.domain.lines.assertions import AssertedCredit, LineAssertion, is_cancelled
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import LineGrants, Terms
from services.settlement.domain.lines.worth import worth_of
from services.settlement.domain.pricing.price import rank_of
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.parts import CreditPart, bases_of, owed_for, part_of
from services.settlement.domain.settling.shares import Shares

_Maker = tuple[str | None, str | None]
"""content_id, koc_id; None, None = the books do not say."""


class PlannedShares(NamedTuple):
    """What a run planned of a line: all that is settled of it after the run, and what each credit earned then."""

    settled: Shares
    parts: Sequence[CreditPart]


class SoldLine(NamedTuple):
    """A line as the books hold it. `paid_at` is microseconds.

    `owed` is T as it is booked, `settled` is S. `assertion` is the accepted one. `plans` are those of the runs that
    came to the line, in their order; they may be left out where nothing is claimed back.
    """

    key: Key
    brand_id: str
    currency: str
    paid_at: int
    is_standing: bool
    owed: Shares
    settled: Shares
    terms: Terms | None
    grants: LineGrants
    assertion: LineAssertion
    plans: Sequence[PlannedShares] = ()


class LineShare(NamedTuple):
    """One credit's share of a line, or what is claimed back through one content. Amounts are minor units.

    `content_id` is None for a line without credit. `is_sale` is false for what is claimed back and for a line that lost
    its place: such a share is no line that was sold. `koc_minor` is what the KOC itself has of the commission.
    """

    content_id: str | None
    koc_id: str | None
    campaign_id: str | None
    traffic: str | None
    is_sale: bool
    gmv_minor: int = 0
    net_revenue_minor: int = 0
    accrued_minor: int = 0
    settled_minor: int = 0
    clawed_back_minor: int = 0
    koc_minor: int = 0

    @property
    def is_credited(self) -> bool:
        """Whether it belongs to a content."""
        return self.content_id is not None


def share_line(line: SoldLine, reference: Reference) -> list[LineShare]:
    """All shares of a line.

    Args:
        line: as booked.
        reference: the newest; it prices a line of several credits.
    """
    kept = {claimant: min(amount, line.owed.get(claimant, 0)) for claimant, amount in line.settled.items()}
    shares = _by_credit(line, kept, reference)
    return shares if kept == line.settled else shares + _claimed_back(line, kept)


def _by_credit(line: SoldLine, kept: Shares, reference: Reference) -> list[LineShare]:
    """Goods and standing commission of each credit; one share without a content where there is no credit."""
    assertion, credits_ = line.assertion, line.assertion.credits
    gmv = assertion.goods_paid_minor if line.is_standing else 0
    net = 0 if is_cancelled(assertion) else max(0, gmv - assertion.refunded_minor)
    if not credits_:
        return [_share(None, line, gmv, net, line.owed, kept)]
    if len(credits_) == 1:
        return [_share(credits_[0], line, gmv, net, line.owed, kept)]
    ranks = [rank_of(assertion, credit) for credit in credits_]
    weights = [credit.weight_ppm for credit in credits_]
    gmvs, nets = allocate(gmv, weights, ranks.__getitem__), allocate(net, weights, ranks.__getitem__)
    owed = _owed_by_credit(line, weights, ranks, reference)
    settled = _spread(kept, owed, weights, ranks)
    return [_share(one, line, gmvs[i], nets[i], owed[i], settled[i]) for i, one in enumerate(credits_)]


def _share(credit: AssertedCredit | None, line: SoldLine, gmv: int, net: int, owed: Shares, kept: Shares) -> LineShare:
    """A credit's share, from what is owed for it and what of that runs have settled."""
    owed_minor, settled_minor = sum(owed.values()), sum(kept.values())
    amounts = gmv, net, owed_minor - settled_minor, settled_minor, 0
    if credit is None:
        return LineShare(None, None, None, None, line.is_standing, *amounts, 0)
    names = credit.content_id, credit.koc_id, credit.campaign_id, credit.traffic
    return LineShare(*names, line.is_standing, *amounts, owed.get(f"koc:{credit.koc_id}", 0))


def _owed_by_credit(
    line: SoldLine, weights: Sequence[int], ranks: Sequence[bytes], reference: Reference
) -> Sequence[Shares]:
    """What is booked for each credit: its price.

    A frozen line, or one that a reprice job has not reached, is booked at another price than that of now. The booked
    amounts are then spread in proportion to the price.
    """
    if not line.owed:
        return [{} for _ in weights]
    known = reference if line.terms is None else reference.as_of(line.terms.registry_offset)
    terms = worth_of(line.assertion, known, line.grants).terms
    bases = bases_of(line.assertion, terms)
    parts = [part_of(term, base) for term, base in zip(terms, bases, strict=True)]
    priced = [part.amounts for part in parts]
    return priced if owed_for(parts) == line.owed else _spread(line.owed, priced, weights, ranks)


def _spread(whole: Shares, over: Sequence[Shares], weights: Sequence[int], ranks: Sequence[bytes]) -> list[Shares]:
    """Each claimant's amount over the credits, in proportion to what it has in `over`, else to their weights."""
    spread: list[Shares] = [{} for _ in over]
    for claimant, amount in whole.items():
        has = [shares.get(claimant, 0) for shares in over]
        for shares, part in zip(spread, allocate(amount, has if any(has) else weights, ranks.__getitem__), strict=True):
            if part:
                shares[claimant] = part
    return spread


def _claimed_back(line: SoldLine, kept: Shares) -> list[LineShare]:
    """What is settled and no longer owed, by the contents through which it was settled."""
    through = _settled_through(line.plans)
    sums: Counter[_Maker] = Counter()
    for claimant, amount in line.settled.items():
        if lost := amount - kept[claimant]:
            contents = sorted(through.get(claimant, {}).items())
            parts = allocate(lost, [minor for _, minor in contents], lambda i: i) if contents else [lost]
            names: list[_Maker] = [name for name, _ in contents] or [(None, None)]
            sums.update(dict(zip(names, parts, strict=True)))
    campaigns: dict[_Maker, str | None] = {
        (credit.content_id, credit.koc_id): credit.campaign_id for credit in line.assertion.credits
    }
    return [
        LineShare(*name, campaigns.get(name), None, is_sale=False, settled_minor=lost, clawed_back_minor=lost)
        for name, lost in sorted(sums.items(), key=str)
        if lost
    ]


def _settled_through(plans: Sequence[PlannedShares]) -> Mapping[str, Mapping[tuple[str, str], int]]:
    """What each claimant was settled, by content and KOC: what each run added, in proportion to its credits' parts."""
    through: dict[str, Counter[tuple[str, str]]] = {}
    before: Shares = {}
    for plan in plans:
        for claimant, after in plan.settled.items():
            parts = [part for part in plan.parts if part.amounts.get(claimant)]
            added = after - before.get(claimant, 0)
            if added > 0 and parts:
                amounts = allocate(added, [part.amounts[claimant] for part in parts], lambda i: i)
                names = [(part.content_id, part.koc_id) for part in parts]
                settled = through.setdefault(claimant, Counter())
                for name, amount in zip(names, amounts, strict=True):
                    settled[name] += amount
        before = plan.settled
    return through
