"""The answer at the top of a line's story: who gets what and why, or why it earns nobody anything."""

from collections.abc import Iterator, Sequence

from services.console.story.people import amount_text, claimant_name, claimant_rank
from services.console.values import WordsCell
from services.console.words.labels import LINE_STAGES, SKIPPED_LINES
from services.kernel.sentences import Sentence, with_commas, with_semicolons
from services.kernel.time import DAY, HOUR, MINUTE
from services.operations.explain.explain import CreditExplanation, LineExplanation
from services.operations.explain.explanation_text import percent
from services.operations.explain.inquiry import Rulebook
from services.operations.explain.verdicts import verdict_sentence
from services.settlement.domain.lines.stage import LineStage
from services.settlement.domain.settling.candidates import UNPRICED

_ALONE = Sentence("it is the only touch that counts")
_MODELS = {
    "last_click": Sentence("it is the last touch that counts"),
    "first_click": Sentence("it is the first touch that counts"),
    "linear": Sentence("all touches that count share equally"),
    "position_based": Sentence("the first and the last touch that count share most of it"),
    "time_decay": Sentence("the newer a touch that counts, the more it has"),
}
_COMPETED = frozenset({"credited", "not_last", "not_first", "negligible", "beyond_limit"})
"""Verdicts on touches that came as far as the model."""


def earnings_sentence(one: LineExplanation) -> Sentence:
    """Who gets what of the line, or that nobody earns anything and why."""
    told, currency = one.told, one.told.currency
    owed = sorted(
        (claimant for claimant in one.settling.claimants if claimant.owed_minor > 0),
        key=lambda claimant: claimant_rank(claimant.claimant),
    )
    if owed:
        gets = [
            Sentence(
                "{who} gets {amount}",
                who=claimant_name(claimant.claimant),
                amount=amount_text(claimant.owed_minor, currency),
            )
            for claimant in owed
        ]
        total = amount_text(sum(claimant.owed_minor for claimant in owed), currency)
        return Sentence("Brand {brand} pays {total}: {gets}.", brand=told.brand_id, total=total, gets=with_commas(gets))
    if one.nothing_because is not None:
        return Sentence("Nobody earns anything from this line, because {why}.", why=one.nothing_because)
    if not one.credits:
        return _nobody_credited(one)
    if one.line.unpriced is not None:
        base = amount_text(one.line.unpriced_minor, currency)
        return Sentence(
            "Nobody earns anything from this line yet: no plan prices it, so {base} waits for a plan.", base=base
        )
    if all(credited.terms.grant and credited.terms.grant.num == 0 for credited in one.credits):
        return Sentence("Nobody earns anything from this line: nothing was left of the campaign's budget.")
    return Sentence("Nobody earns anything from this line: its commission comes to nothing.")


def _nobody_credited(one: LineExplanation) -> Sentence:
    """Each reason once, for a line without a credit."""
    reasons = list(dict.fromkeys(touch.verdict for touch in one.told.considered))
    if not reasons:
        return Sentence("Nobody earns anything from this line, because no touch was considered.")
    why = with_semicolons([verdict_sentence(verdict) for verdict in reasons])
    return Sentence("Nobody earns anything from this line, because no touch could be credited: {why}.", why=why)


def credit_sentences(one: LineExplanation, rulebook: Rulebook) -> list[Sentence]:
    """Why each credit went to whom."""
    return [_credit(credited, one, rulebook) for credited in one.credits]


def _credit(credited: CreditExplanation, one: LineExplanation, rulebook: Rulebook) -> Sentence:
    """One credit and what it follows from."""
    told, credit = one.told, credited.credit
    who = claimant_name(f"koc:{credit.koc_id}")
    share = percent(credit.weight_ppm)
    mine = [
        touch for touch in told.considered if (touch.content_id, touch.koc_id) == (credit.content_id, credit.koc_id)
    ]
    times = [touch.touched_at for touch in mine if touch.verdict == "credited" and touch.touched_at is not None]
    if not times:
        return Sentence(
            "{who} is credited with {share}, because the platform declared content {content}.",
            who=who,
            share=share,
            content=credit.content_id,
        )
    return Sentence(
        "{who} is credited with {share} for the touch on content {content}, {age} before the payment: {why}.",
        who=who,
        share=share,
        content=credit.content_id,
        age=duration(told.paid_at - max(times)),
        why=_model(one, rulebook),
    )


def _model(one: LineExplanation, rulebook: Rulebook) -> Sentence:
    """Why the policy's model chose; its name alone where the policy file at hand is of another revision."""
    told = one.told
    if sum(touch.verdict in _COMPETED for touch in told.considered) == 1:
        return _ALONE
    model = rulebook.models.get(told.policy) if rulebook.revision == told.version.rules else None
    return _MODELS.get(model or "", Sentence("policy {policy} decided so", policy=told.policy))


def duration(micros: int) -> Sentence:
    """A span of time in its two greatest units."""
    days, hours, minutes, seconds = (
        micros // DAY,
        micros % DAY // HOUR,
        micros % HOUR // MINUTE,
        micros % MINUTE // 1_000_000,
    )
    if days:
        return Sentence("{days} d {hours} h", days=days, hours=hours)
    if hours:
        return Sentence("{hours} h {minutes} min", hours=hours, minutes=minutes)
    if minutes:
        return Sentence("{minutes} min {seconds} s", minutes=minutes, seconds=seconds)
    return Sentence("{seconds} s", seconds=seconds)


_STAGES = {
    LineStage.QUARANTINED: Sentence("It is frozen at what is booked, until a person releases it."),
    LineStage.DISPLACED: Sentence("The order line belongs to another buyer, so nothing of it is paid here."),
    LineStage.DISPUTED: Sentence("It is disputed: no run settles it until the dispute is decided."),
    LineStage.FROZEN: Sentence("It is on hold: no run settles it until the hold is released."),
    LineStage.REVERSED: Sentence("Nothing is owed for it, and nothing of it was ever settled."),
    LineStage.CLAWED_BACK: Sentence("More was settled than is owed now: the parties owe the rest back."),
    LineStage.ESTIMATED: Sentence("The goods are not received yet, so no day of settlement is known."),
    LineStage.CONFIRMED: Sentence("The goods are received, and the return window is still open."),
    LineStage.SETTLEABLE: Sentence("It is due: the next run settles it."),
    LineStage.SETTLED: Sentence("It is settled, and not all of it is paid yet."),
    LineStage.PAID: Sentence("It is settled, and all of it is paid."),
}
_TONES = {
    LineStage.QUARANTINED: "bad",
    LineStage.DISPUTED: "bad",
    LineStage.FROZEN: "bad",
    LineStage.CLAWED_BACK: "bad",
    LineStage.ESTIMATED: "wait",
    LineStage.CONFIRMED: "wait",
    LineStage.SETTLEABLE: "good",
    LineStage.SETTLED: "good",
    LineStage.PAID: "good",
}


def stage_sentence(one: LineExplanation) -> str:
    """Where the line's money is, in a sentence."""
    if is_without_plan(one):
        return Sentence("It waits for a plan that prices it.")
    return _STAGES[one.settling.stage]


def stage_word(one: LineExplanation) -> WordsCell:
    """Where the line's money is, in a word."""
    if is_without_plan(one):
        return WordsCell(SKIPPED_LINES[UNPRICED], "wait")
    stage = one.settling.stage
    return WordsCell(LINE_STAGES[stage], _TONES.get(stage, ""))


def is_without_plan(one: LineExplanation) -> bool:
    """Whether only a plan is missing: nothing is settled, and nothing else stops it."""
    return one.line.unpriced is not None and one.settling.stage in (LineStage.ESTIMATED, LineStage.CONFIRMED)


def _claims_back(one: LineExplanation) -> Iterator[tuple[str, int]]:
    """What each party owes back of the line, minor units."""
    for claimant in one.settling.claimants:
        if claimant.clawed_back_minor:
            yield claimant.claimant, claimant.clawed_back_minor


def debt_sentence(one: LineExplanation) -> Sentence | None:
    """Who owes back how much; None = nobody."""
    owed: Sequence[Sentence] = [
        Sentence("{who} {amount}", who=claimant_name(claimant), amount=amount_text(amount, one.told.currency))
        for claimant, amount in sorted(_claims_back(one), key=lambda pair: claimant_rank(pair[0]))
    ]
    if not owed:
        return None
    return Sentence("What was settled and is no longer owed: {parts}.", parts=with_commas(owed))
