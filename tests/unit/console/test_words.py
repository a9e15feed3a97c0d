"""What the console says in Chinese."""

import pytest

from services.console.words.catalogue import Language, chinese, say
from services.kernel.sentences import Sentence, with_semicolons


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
