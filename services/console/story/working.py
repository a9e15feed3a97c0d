"""How the amounts of a line come about: each credit's base, plan, commission and splits, a row a step."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.console.story.people import amount_text, claimant_cell
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import TRAFFIC, party_sentence
from services.kernel.sentences import Sentence
from services.operations.explain.explain import CreditExplanation, LineExplanation
from services.operations.explain.explanation_text import percent
from services.settlement.domain.pricing.price import BEFORE_PLATFORM_DISCOUNT, SplitShare
from services.settlement.domain.pricing.relations import fills

_KINDS = {
    "exclusive": Sentence("exclusive offer"),
    "targeted": Sentence("targeted offer"),
    "activity": Sentence("activity offer"),
    "open": Sentence("open offer"),
}
_SHARED = {"commission": Sentence("the commission"), "base": Sentence("the base")}


class CreditWorking(NamedTuple):
    """One credit: who and for what, which plan prices it, and the steps to everybody's amount.

    Attributes:
        plan: in words; None = no plan prices it.
        steps: what is done, who gets it, and the amount: rows of a table.
    """

    koc: LinkCell
    content: LinkCell
    share: str
    campaign_id: str | None
    traffic: str
    plan: Sentence | None
    steps: Sequence[Sequence[CellValue]]


def credit_workings(one: LineExplanation) -> list[CreditWorking]:
    """All credits of a line."""
    return [_working(credited, one) for credited in one.credits]


def _working(credited: CreditExplanation, one: LineExplanation) -> CreditWorking:
    credit, plan = credited.credit, credited.terms.plan
    said = None
    if plan is not None:
        kind = _KINDS.get(plan.kind, Sentence("{kind} offer", kind=plan.kind))
        said = Sentence("plan {plan}, version {version}, {kind}", plan=plan.plan_id, version=plan.version, kind=kind)
    return CreditWorking(
        LinkCell(credit.koc_id, path("party", f"koc:{credit.koc_id}")),
        LinkCell(credit.content_id, path("content", credit.content_id)),
        percent(credit.weight_ppm),
        credit.campaign_id,
        TRAFFIC.get(credit.traffic, credit.traffic),
        said,
        list(_steps(credited, one)),
    )


def _steps(credited: CreditExplanation, one: LineExplanation) -> Iterator[Sequence[CellValue]]:
    """From what was paid to what everybody has."""
    told, currency, terms = one.told, one.told.currency, credited.terms
    # what was paid, and what of it remains for this credit
    yield WordsCell(Sentence("The buyer paid for the goods")), None, MoneyCell(told.goods_paid_minor, currency)
    if told.refunded_minor:
        yield WordsCell(Sentence("Refunded")), None, MoneyCell(-told.refunded_minor, currency)
    if one.nothing_because is not None:
        yield WordsCell(Sentence("Base of the commission")), None, MoneyCell(0, currency)
        return
    yield WordsCell(_base(credited, one)), None, MoneyCell(credited.base_minor, currency)
    # the commission, and each who takes of it
    if terms.plan is None:
        yield WordsCell(Sentence("No plan prices it, so it waits"), "wait"), None, None
        return
    yield WordsCell(_commission(credited, one)), None, MoneyCell(credited.commission_minor, currency)
    for taken in credited.taken:
        yield _taken(taken), _filler(taken), MoneyCell(taken.amount_minor, currency)
    # what is left to the KOC
    party = fills("koc", credited.credit.koc_id, terms.parties)
    rest = MoneyCell(credited.keeps.get("koc", 0), currency)
    yield WordsCell(Sentence("The KOC keeps the rest")), claimant_cell(f"koc:{party}"), rest


def _base(credited: CreditExplanation, one: LineExplanation) -> Sentence:
    """What the commission is a share of."""
    weight = credited.credit.weight_ppm
    if credited.base_kind == BEFORE_PLATFORM_DISCOUNT and one.told.platform_discount_minor:
        discount = amount_text(one.told.platform_discount_minor, one.told.currency)
        said = Sentence("Base of the commission, with the platform's discount of {discount}", discount=discount)
    else:
        said = Sentence("Base of the commission")
    share = percent(weight)
    return said if len(one.credits) == 1 else Sentence("{base}: {share} of it for this credit", base=said, share=share)


def _commission(credited: CreditExplanation, one: LineExplanation) -> Sentence:
    """What makes the commission: the plan's rate, or what a run granted for good, and the bonus."""
    terms, currency = credited.terms, one.told.currency
    grant = terms.grant
    said = Sentence("The brand pays {rate} of it", rate=percent(terms.rate_ppm))
    if grant is not None:
        said = Sentence(
            "The brand pays what a run granted for good: {commission} on {base}",
            commission=amount_text(grant.commission_minor, currency),
            base=amount_text(grant.base_minor, currency),
        )
        if grant.num < grant.den:
            said = Sentence(
                "{granted}, cut because the campaign's budget had {left} left of the {wanted} that it needed",
                granted=said,
                left=amount_text(grant.num, currency),
                wanted=amount_text(grant.den, currency),
            )
    if terms.bonus_minor and credited.base_minor:
        bonus = amount_text(terms.bonus_minor, currency)
        return Sentence("{commission}, and {bonus} for a new customer", commission=said, bonus=bonus)
    return said


def _taken(taken: SplitShare) -> WordsCell:
    whole = _SHARED.get(taken.of, Sentence("what the {role} has", role=party_sentence(taken.of)))
    share = percent(taken.share_ppm)
    if taken.party is None:
        return WordsCell(
            Sentence("{share} of {whole}: nobody is the {role}, so nothing is taken", share=share, whole=whole,
                     role=party_sentence(taken.role))
        )  # fmt: skip
    return WordsCell(Sentence("{share} of {whole}", share=share, whole=whole))


def _filler(taken: SplitShare) -> CellValue:
    if taken.party is None:
        return WordsCell(party_sentence(taken.role))
    return claimant_cell("platform" if taken.role == "platform" else f"{taken.role}:{taken.party}")
