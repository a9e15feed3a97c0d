"""Why not me? Each answer, from an assertion and the logs as they may be found."""

from typing import Any

import pytest

from schemas.verdicts import MEANING
from services.attribution.domain.verdicts import Verdict
from services.kernel.time import DAY, format_rfc3339
from services.operations.explain.inquiry import Inquiry, LineAnswer, Rulebook, TouchTrace
from services.operations.explain.sources import BookedOrder, EventRefusal, NotExplained, PublishedOrder
from services.operations.explain.why_not import why_not
from services.operations.explain.why_not_forms import why_not_json, why_not_text
from services.settlement.books.decode_credits import decode_credit
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from tests.kit.order_events import paid, record
from tests.kit.settlement_facts import PAID_AT, Fact, FactCredit, FactVersion, usual

RULES = Rulebook(1, {"last_click": "last_click"}, 15 * DAY)
ME = Inquiry(None, "k_9")
PUBLISHED = PublishedOrder([record(paid())], on_its_way=False)


class Library:
    """Books that hold these facts, and an orders topic."""

    def __init__(self, *facts: Fact, published: PublishedOrder = PUBLISHED) -> None:
        self._facts, self._published = facts, published

    def booked(self, order_id: str) -> BookedOrder:
        assert order_id == "o_1"
        lines = [
            (
                Line((one.order_id, one.line_id, one.buyer_id), 3, one.paid_at, one.currency, one.brand_id),
                decode_credit(one.wire()),
            )
            for one in self._facts
        ]
        return BookedOrder(lines, [], usual() if lines else Reference())

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        assert order_id == "o_1"
        assert not booked.lines
        return self._published


class Touches:
    """The clicks log of one buyer."""

    def __init__(self, *traces: TouchTrace) -> None:
        self._traces = traces

    def traces(self, buyer_id: str, asked: Inquiry, since: int) -> list[TouchTrace]:
        assert buyer_id == "b_1"
        return [one for one in self._traces if asked.matches(one) and (one.occurred_at or since) >= since]


def considered(verdict: str, koc_id: str = "k_9", **changed: Any) -> dict[str, Any]:
    touch = {
        "touch_id": f"clk_{koc_id}",
        "content_id": f"v_{koc_id}",
        "koc_id": koc_id,
        "touched_at": format_rfc3339(PAID_AT - DAY),
    }
    return touch | {"verdict": verdict} | changed


def trace(at: int, offset: int = 0, refused: EventRefusal | None = None, touch_id: str = "clk_mine") -> TouchTrace:
    return TouchTrace(offset, touch_id, "click", "v_12", "k_9", at, refused)


def answer(fact: Fact, *traces: TouchTrace, asked: Inquiry = ME, rulebook: Rulebook = RULES) -> LineAnswer:
    (found,) = why_not("o_1", asked, Library(fact), Touches(*traces), rulebook).answers
    return found


def test_every_verdict_of_attribution_has_its_sentence() -> None:
    assert set(MEANING) == set(Verdict)


@pytest.mark.parametrize("verdict", [word for word in Verdict if word is not Verdict.CREDITED])
def test_a_loser_hears_to_whom_and_by_which_rule(verdict: str) -> None:
    fact = Fact(considered=(considered("credited", "k_7"), considered(verdict)))
    found = answer(fact)
    assert found.outcome == "lost"
    assert found.why == (
        "KOC k_9 lost to content v_93 of k_7 by the policy last_click (rules revision 1, model last_click): "
        + MEANING[verdict]
    )
    assert [credit.credit.koc_id for credit in found.instead] == ["k_7"]
    text = "\n".join(why_not_text(why_not("o_1", ME, Library(fact), Touches(), RULES)))
    assert "  instead: 100 % to k_7, content v_93" in text


def test_where_nobody_is_credited_it_was_lost_to_nobody() -> None:
    found = answer(Fact(credits=(), considered=(considered("outside_window"),)))
    assert found.why.startswith("KOC k_9 lost by the policy")


def test_the_model_is_not_named_from_a_policy_file_of_another_revision() -> None:
    found = answer(Fact(considered=(considered("not_last"),)), rulebook=RULES._replace(revision=2))
    assert "(rules revision 1):" in found.why


def test_a_winner_hears_weight_and_money() -> None:
    shares = (FactCredit(weight_ppm=600_000), FactCredit(content_id="v_2", koc_id="k_7", weight_ppm=400_000))
    library = Library(Fact(credits=shares, considered=(considered("credited", "k_7"),)))
    answered = why_not("o_1", Inquiry("v_2", None), library, Touches(), RULES)
    (line,) = why_not_json(answered)["lines"]
    assert (line["outcome"], line["weight_ppm"], line["commission_minor"]) == ("credited", 400_000, 1_600)
    assert line["koc_minor"] == 1_600 - 160 - 288 - 144
    assert [(one["content_id"], one["weight_ppm"]) for one in line["instead"]] == [("v_93", 600_000)]
    text = "\n".join(why_not_text(answered))
    assert "has 40 % to k_7, content v_2: commission 16.00 CNY, of which the KOC keeps 10.08 CNY" in text
    assert "also: 60 % to k_7, content v_93" in text


def test_a_declaration_that_lost_is_told_without_a_touch() -> None:
    fact = Fact(considered=(considered("same_account", touch_id=None, touched_at=None),))
    (line,) = why_not_json(why_not("o_1", ME, Library(fact), Touches(), RULES))["lines"]
    assert line["touches"][0] | {"why": ""} == {
        "touch_id": None, "occurred_at": None, "word": "same_account", "why": "",
    }  # fmt: skip


def test_content_and_koc_together_must_both_match() -> None:
    fact = Fact(considered=(considered("not_last"),))
    assert answer(fact, asked=Inquiry("v_k_9", "k_9")).outcome == "lost"
    assert answer(fact, asked=Inquiry("v_other", "k_9")).outcome == "no_candidate"


def test_without_any_touch_the_answer_says_where_it_was_looked_for() -> None:
    found = answer(Fact())
    assert found.outcome == "no_candidate"
    assert "buyer b_1 has no touch on it, neither in the clicks log nor among its refused events" in found.why
    assert "from 2026-10-02T09:00:00Z on" in found.why


@pytest.mark.parametrize(
    ("missed", "word", "sentence"),
    [
        (trace(PAID_AT + 1), "after_payment", "came after the payment at 2026-11-01T09:00:00Z"),
        (trace(PAID_AT - 15 * DAY - 1), "before_window", "more than 15 days before the payment"),
        (trace(PAID_AT - DAY, offset=1), "on_its_way", "still on its way to the books"),
        (trace(PAID_AT - DAY, 0, EventRefusal("too_late", "from …")), "too_late", "refused as too_late: older"),
        (trace(PAID_AT - DAY, 0, EventRefusal("too_many", "200 touches")), "too_many", "over a limit"),
        (trace(PAID_AT - DAY, 0, EventRefusal("in_future", "received …")), "in_future", "more than an hour after"),
    ],
)  # fmt: skip
def test_a_touch_that_was_no_candidate_says_why(missed: TouchTrace, word: str, sentence: str) -> None:
    found = answer(Fact(), missed)
    assert found.outcome == "no_candidate"
    assert [heard.word for heard in found.touches] == [word]
    assert sentence in found.why


def test_a_touch_beyond_the_hundred_that_are_named_says_so() -> None:
    others = tuple(considered("not_last", "k_7", touch_id=f"clk_{n}") for n in range(100))
    version = FactVersion(touch=500)
    found = answer(Fact(considered=others, version=version), trace(PAID_AT - DAY))
    assert found.touches[0].word == "not_listed"
    assert "more than 100 candidates" in found.why


def test_a_refused_copy_says_nothing_about_the_accepted_touch() -> None:
    mine = considered("not_last", touch_id="clk_mine")
    refused = trace(PAID_AT - DAY, 7, EventRefusal("too_late", "again"))
    found = answer(Fact(considered=(mine,)), refused, trace(PAID_AT - DAY))
    assert [heard.word for heard in found.touches] == ["not_last"]
    found = answer(Fact(), refused, trace(PAID_AT - DAY, offset=3))
    assert [heard.word for heard in found.touches] == ["on_its_way"]


def test_a_loser_also_hears_of_the_touch_that_was_refused() -> None:
    found = answer(
        Fact(considered=(considered("weaker_evidence"),)), trace(PAID_AT, refused=EventRefusal("too_late", "…"))
    )
    assert [heard.word for heard in found.touches] == ["weaker_evidence", "too_late"]


def test_an_order_that_nobody_could_be_credited_for_is_answered_from_the_logs() -> None:
    library, late = Library(), trace(PAID_AT - DAY, refused=EventRefusal("too_late", "…"))
    (found,) = why_not("o_1", ME, library, Touches(late), RULES).answers
    assert (found.line, found.outcome) == (None, "no_candidate")
    assert "refused as too_late" in found.why


def test_an_order_that_is_not_there_is_no_answer() -> None:
    nothing = Library(published=PublishedOrder([], on_its_way=False))
    with pytest.raises(NotExplained, match="was ever published"):
        why_not("o_1", ME, nothing, Touches(), RULES)
