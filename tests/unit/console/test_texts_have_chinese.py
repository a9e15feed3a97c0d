"""Every text that the console may show has Chinese, and no Chinese is left over."""

import ast
import re

import pytest
from jinja2 import DictLoader, Environment

from services.console.render import templates
from services.console.words.catalogue import chinese, entries, placeholders
from tests.kit.page_texts import SAID_BY, SaidText, Templates, said_in, strings_of
from tests.kit.source import ROOT, tree_of

PAGES = sorted((ROOT / "services/console").rglob("*.py"))
SPEAKING = re.compile(r"\bSentence\(|\bMEANING\b|\bOTHER_PAID_AT =")
FILES = PAGES + [
    file
    for folder in ("services", "schemas")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if file not in PAGES and SPEAKING.search(file.read_text())
]
"""Modules that say sentences, or have tables of texts that become sentences."""
TABLES = re.compile(r"(labels\.)?(MEANING|REFUSED_BECAUSE|[A-Z_]+S)\[.*\]")
"""Templates that a table gives: test_words.py looks whether its texts have Chinese."""
WORDS = {
    "OTHER_PAID_AT", "told.status", "trace.kind", "batch.status", "payout.status",
    "ACCOUNTS.get((owner, purpose)) or ACCOUNTS[chart.ROLE, purpose]",
}  # fmt: skip
"""Templates that are one of a few words."""
SAME_IN_CHINESE = {"SHA-256"}
NAMES = {"KOC", "CSV", "PDF", "XLSX", "JSON", "English", "中文", "· KOC", "december"}
"""Words of templates that are the same in every language."""
SENTENCE = re.compile(r"[A-Z][^\n]* [^\n]*[.?!]")
"""A text of a page's module that looks like a sentence: pages keep some in constants."""

TRADE = {
    r"\bKOCs?\b": "达人",
    r"\b[Bb]rands?\b": "品牌",
    r"\b[Cc]ommissions?\b": "佣金",
    r"\b[Pp]ayouts?\b": "付款",
    r"\bsettled?\b": "结算",
    r"\brefund(s|ed)?\b": "退款|被退",
    r"\bdisputed?\b": "争议",
    r"\b(a|the|on) hold\b": "暂扣",
    r"\bbooks\b": "账簿|入账",
    r"\bentr(y|ies)\b": "分录",
    r"\border lines?\b": "订单行",
    r"\b(no|a) plan\b": "方案",
    r"\btouch(es)?\b": "触点",
    r"\b[Rr]ecruiters?\b": "招募方",
}
"""Words of the trade, and the one Chinese word for each: those that statements have."""


def name(file) -> str:
    return str(file.relative_to(ROOT))


def assert_chinese(texts: set[str]) -> None:
    missing = sorted(texts - chinese().keys())
    assert not missing, "services/console/words/*.toml have no Chinese for:\n" + "\n".join(missing)


def without_docstrings(tree: ast.Module) -> ast.Module:
    class Remover(ast.NodeTransformer):
        def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
            return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    return Remover().visit(ast.parse(ast.unparse(tree)))


def test_every_sentence_of_services_has_chinese() -> None:
    said = [(name(file), one) for file in FILES for one in said_in(tree_of(file), {"Sentence"})]
    dynamic = {one.text for _, one in said if not one.is_literal}
    dynamic = {one for one in dynamic if not TABLES.fullmatch(one)}
    assert dynamic == WORDS | {"text", "template"}, "a template is a literal, so that it can be looked up"
    assert_chinese({one.text for _, one in said if one.is_literal})


def test_every_text_of_a_page_has_chinese() -> None:
    said = [(name(file), one) for file in PAGES for one in said_in(tree_of(file), set(SAID_BY))]
    assert_chinese({one.text for _, one in said if one.is_literal})
    formatted = [one for one in said if one[1].text.startswith(("f'", 'f"'))]
    assert formatted == [], "a formatted text cannot be looked up: make it a Sentence"


def test_every_sentence_that_a_page_keeps_in_a_constant_has_chinese() -> None:
    kept = {text for file in PAGES for text in strings_of(without_docstrings(tree_of(file)))}
    assert_chinese({text for text in kept if SENTENCE.fullmatch(text)})


def test_every_text_of_a_template_has_chinese() -> None:
    assert_chinese(Templates(templates()).said())


def test_templates_show_no_word_without_asking_for_its_translation() -> None:
    unsaid = Templates(templates()).unsaid()
    assert {file: [word for word in words if word not in NAMES] for file, words in unsaid.items()} == {
        file: [] for file in unsaid
    }


def test_no_words_are_left_over() -> None:
    strings = Templates(templates()).strings().union(*(strings_of(tree_of(file)) for file in FILES))
    assert [(file, english) for file, english, _ in entries() if english not in strings] == []


@pytest.mark.parametrize(("file", "english", "other"), list(entries()))
def test_both_sides_show_the_same_values_and_one_is_chinese(file: str, english: str, other: str) -> None:
    assert placeholders(english) == placeholders(other)
    is_same = english in SAME_IN_CHINESE or not re.search(r"[A-Za-z]", re.sub(r"{.*?}", "", english))
    assert is_same or re.search(r"[\u4e00-\u9fff]", other), f"{file}: not Chinese"


@pytest.mark.parametrize("english_word", TRADE)
def test_a_word_of_the_trade_is_the_same_on_every_page(english_word: str) -> None:
    told = [(file, re.sub("{.*?}|`.*?`", "", english), other) for file, english, other in entries()]
    about = [one for one in told if re.search(english_word, one[1])]
    assert about
    assert [one for one in about if not re.search(TRADE[english_word], one[2])] == []


# The reader of texts itself


def test_the_reader_of_code_finds_branches_and_says_what_is_no_literal() -> None:
    code = ast.parse(
        """Sentence("a {x}" "b", x=1)\nwords.Sentence("c" if x else MEANING[x])\nColumn("x", heading=D)\nD = "d"
        """
    )
    assert list(said_in(code, {"Sentence", "Column"})) == [
        SaidText(1, "a {x}b", is_literal=True),
        SaidText(2, "c", is_literal=True),
        SaidText(2, "MEANING[x]", is_literal=False),
        SaidText(3, "d", is_literal=True),
    ]


def test_the_reader_of_templates_follows_loops_sets_and_macros() -> None:
    page = """{% import "m.html" as m %}{{ t("a") }}{{ t("b" if x else "c", n=1) }}{{ m.figure("d") }}
    {% for href, name in [("/e", "e"), ("/f", "f")] %}{{ t(name) }}{% endfor %}{% set g = "g" %}{{ t(g) }}
    {% call m.figure("h") %}i{% endcall %}{{ other("j") }}"""
    macros = "{% macro figure(name) %}{{ t(name) }}{% endmacro %}"
    read = Templates(Environment(loader=DictLoader({"page.html": page, "m.html": macros}), autoescape=True))
    assert read.said() == set("abcdefgh")
    assert read.strings() >= set("abcdefgh") | {"j", "/e"}


def test_the_reader_of_templates_finds_bare_words() -> None:
    page = '<p class="x" title="read me">{{ t("a") }} bare</p><img alt="{{ t("b") }}">{% if x %}<b>more</b>{% endif %}'
    read = Templates(Environment(loader=DictLoader({"page.html": page}), autoescape=True))
    assert read.unsaid() == {"page.html": ["read me", "bare", "more"]}
