"""Sentences that remember their template."""

import copy
import json

import pytest

from services.kernel.sentences import Sentence, with_commas, with_semicolons

BELONGS = Sentence("the order line belongs to buyer {owner}", owner="b_{1}")
WORTHLESS = Sentence("{nothing}: this line is worth {money}", nothing=BELONGS, money="0.00 CNY")


def test_a_sentence_is_its_text_to_everything_else() -> None:
    assert BELONGS == "the order line belongs to buyer b_{1}"
    assert f"! {BELONGS}" == "! the order line belongs to buyer b_{1}"
    assert json.dumps({"why": BELONGS}) == '{"why": "the order line belongs to buyer b_{1}"}'
    assert {BELONGS: 1}["the order line belongs to buyer b_{1}"] == 1


def test_it_remembers_its_template_and_the_sentences_within() -> None:
    assert WORTHLESS == "the order line belongs to buyer b_{1}: this line is worth 0.00 CNY"
    assert WORTHLESS.template == "{nothing}: this line is worth {money}"
    assert WORTHLESS.values == {"nothing": BELONGS, "money": "0.00 CNY"}
    assert WORTHLESS.values["nothing"] is BELONGS


def test_numbers_are_written_as_the_template_says() -> None:
    assert Sentence("{lines:,} lines", lines=29_028) == "29,028 lines"


def test_a_value_may_be_named_like_an_argument_of_the_class() -> None:
    assert Sentence("{template} of {cls}", template="a", cls="b") == "a of b"


def test_a_sentence_without_values_is_its_own_template() -> None:
    assert Sentence("the line is cancelled").template == "the line is cancelled"
    assert Sentence("the line is cancelled").values == {}


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="owner"):
        Sentence("the order line belongs to buyer {owner}")


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_a_copy_remembers_the_same(clone) -> None:
    cloned = clone(WORTHLESS)
    assert cloned == WORTHLESS
    assert cloned.template == WORTHLESS.template
    assert cloned.values["nothing"].values == {"owner": "b_{1}"}


def test_parts_are_strung_together_and_stay_sentences() -> None:
    assert with_commas([]) == ""
    assert with_commas([BELONGS]) is BELONGS
    assert with_commas(["a", "b", "c"]) == "a, b, c"
    strung = with_semicolons([BELONGS, WORTHLESS])
    assert strung == f"{BELONGS}; {WORTHLESS}"
    assert isinstance(strung, Sentence)
    assert strung.values["rest"] is WORTHLESS
