"""What the console says in Chinese."""

import pytest

from schemas import reasons, verdicts
from services.attribution.domain.verdicts import Verdict
from services.console.pages.reply import outcome_cells
from services.console.render import templates
from services.console.story.entries import cause_cell
from services.console.values import WordsCell
from services.console.words import labels
from services.console.words.catalogue import Language, chinese, say
from services.kernel.sentences import Sentence, with_semicolons
from services.operations.explain.inquiry import AbsenceReason, ClaimOutcome
from services.operations.explain.left_out import LATER, UNKNOWN
from services.settlement.books.lookups.replies import BankReplyRow
from services.settlement.domain.book.chart import CHART
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.stage import LineStage
from services.settlement.domain.paying import payouts
from services.settlement.domain.settling import candidates


@pytest.fixture
def words(monkeypatch) -> None:
    known = {
        "the order line belongs to buyer {owner}": "该订单行属于买家 {owner}",
        "{nothing}: this line is worth {money}": "{nothing}，本行价值 {money}",
        "the line is cancelled": "该行已取消",
        "{first}; {rest}": "{first}，{rest}",
    }
    monkeypatch.setattr("services.console.words.catalogue.chinese", lambda: known)


BELONGS = Sentence("the order line belongs to buyer {owner}", owner="b_{1}")
WORTHLESS = Sentence("{nothing}: this line is worth {money}", nothing=BELONGS, money="0.00 CNY")


@pytest.mark.usefixtures("words")
def test_a_sentence_and_the_sentences_within_are_said_in_chinese() -> None:
    assert say(WORTHLESS, Language.ZH) == "该订单行属于买家 b_{1}，本行价值 0.00 CNY"
    assert say(with_semicolons([BELONGS, BELONGS]), Language.ZH) == "该订单行属于买家 b_{1}，该订单行属于买家 b_{1}"


@pytest.mark.usefixtures("words")
def test_english_is_the_text_itself() -> None:
    said = say(WORTHLESS, Language.EN)
    assert said == WORTHLESS
    assert type(said) is str


@pytest.mark.usefixtures("words")
def test_a_plain_text_is_its_own_template() -> None:
    assert say("the line is cancelled", Language.ZH) == "该行已取消"
    assert say("{nothing}: {", Language.ZH) == "{nothing}: {"


@pytest.mark.usefixtures("words")
def test_what_has_no_chinese_is_said_in_english() -> None:
    assert say(Sentence("because {why}", why=BELONGS), Language.ZH) == "because 该订单行属于买家 b_{1}"


@pytest.mark.usefixtures("words")
def test_a_text_within_a_sentence_that_a_person_wrote_stays_as_it_is() -> None:
    assert say(Sentence("{first}; {rest}", first="the line is cancelled", rest="x"), Language.ZH) == (
        "the line is cancelled，x"
    )


def test_the_words_can_be_read() -> None:
    assert chinese()["Commission clawed back"] == "佣金追回"


TABLES = {name: table for name, table in vars(labels).items() if name.isupper() and isinstance(table, dict)}
MEANINGS = [verdicts.MEANING, reasons.MEANING, candidates.MEANING, payouts.MEANING]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("ENTRY_KINDS", {kind.text for kind in Kind}),
        ("PAYOUT_STATES", {payouts.INSTRUCTED, payouts.CANCELLED, payouts.CONFIRMED, *payouts.REFUSED}),
        ("LINE_STAGES", set(LineStage)),
        ("VERDICTS", {*Verdict, *AbsenceReason}),
        ("OUTCOMES", set(ClaimOutcome)),
        ("SKIPPED_LINES", {*candidates.BLOCKING_REASONS, LATER, UNKNOWN}),
        ("SKIPPED_PARTIES", set(payouts.MEANING)),
        ("REFUSALS", set(reasons.Reason)),
        ("COMMANDS", set(CommandKind)),
        ("ACCOUNTS", {(template.owner, template.purpose) for template in CHART}),
    ],
)
def test_every_word_of_the_books_has_a_short_name(table: str, words: set) -> None:
    assert set(TABLES[table]) == words


def test_short_names_and_meanings_have_chinese() -> None:
    told = [text for table in [*TABLES.values(), *MEANINGS] for text in table.values()]
    assert [text for text in told if text not in chinese()] == []


def test_every_reason_of_a_run_has_a_meaning() -> None:
    assert set(candidates.MEANING) == set(candidates.BLOCKING_REASONS)


@pytest.mark.parametrize(
    ("account", "english", "said"),
    [
        ("koc:k:7:payable", "KOC k:7: settled, not paid out yet", "达人 k:7：已结算，待付款"),
        ("clawback:mcn:m_1", "agency m_1: owed back", "MCN 机构 m_1：欠款"),
        ("brand:br_1:accrued", "brand br_1: charged, not billed yet", "品牌 br_1：已计提，待开账"),
        ("payout:wechat:in_transit", "wechat: payouts under way", "wechat：付款中"),
        ("star:s_1:held", "star s_1: settled, kept back", "star s_1：已结算，暂扣"),
        ("bank:main", "our bank account", "我方银行账户"),
    ],
)
def test_an_account_is_named_by_whose_it_is_and_what_for(account: str, english: str, said: str) -> None:
    named = labels.account_sentence(account)
    assert named == english
    assert say(named, Language.ZH) == said


def test_why_a_row_of_a_reply_booked_nothing_is_said_in_chinese_though_it_is_stored_as_a_text() -> None:
    stored = "it was confirmed before, so it cannot be rejected: ask the bank"
    row = BankReplyRow("0" * 64, 1, "P", "rejected", 2520, "CNY", None, 0, stored, "c_1", "koc_payer", 0)
    assert [say(cell.text, Language.ZH) for cell in outcome_cells(row) if isinstance(cell, WordsCell)] == [
        "被拒绝", "异常", "此前为已付款状态，不能变为被拒绝：请向银行核实",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "said", "href"),
    [
        ("settlement run run-2026-09-29", "结算批次 run-2026-09-29", "/run/run-2026-09-29"),
        ("command c:1", "指令 c:1", "/command/c:1"),
        ("payout batch september", "付款批次 september", "/batch/september"),
        ("payout VB6M7TTQAZ2FFYWKXX4ISQWGFE: confirmed", "付款 VB6M7TTQAZ2FFYWKXX4ISQWGFE：已付款",
         "/payout/VB6M7TTQAZ2FFYWKXX4ISQWGFE"),
        ("order event o_1_paid", "订单事件 o_1_paid", None),
        ("credits of assertion a_1", "归因变更，归因结果 a_1", None),
        ("dispute.decided d_1 and 9 more", "dispute.decided d_1 and 9 more", None),
    ],
)  # fmt: skip
def test_the_stored_cause_of_an_entry_is_said_in_chinese(cause: str, said: str, href: str | None) -> None:
    cell = cause_cell(cause)
    page = templates().from_string('{% import "macros.html" as m with context %}{{ m.cell(cell)|trim }}')
    assert say(cell.text, Language.ZH) == said
    shown = page.render(cell=cell, t=lambda text: say(text, Language.ZH), form_token="")
    assert shown == (said if href is None else f'<a href="{href}">{said}</a>')
