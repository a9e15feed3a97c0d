"""Sentences that remember their template."""

import copy
import json

import pytest

from services.kernel.sentences import Sentence, recognize, sentence_of, with_commas, with_semicolons

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


STORED = ("it was {status} before, so it cannot be {outcome}: ask the bank", "it was {status} before", "confirmed")


def test_a_stored_text_is_the_sentence_again_that_it_was() -> None:
    found = recognize("it was confirmed before, so it cannot be rejected: ask the bank", STORED)
    assert found == "it was confirmed before, so it cannot be rejected: ask the bank"
    assert found.template == STORED[0]
    assert found.values == {"status": "confirmed", "outcome": "rejected"}
    assert isinstance(found.values["status"], Sentence)
    assert not isinstance(found.values["outcome"], Sentence)
    assert recognize("it was confirmed before", STORED).template == STORED[1]


def test_a_stored_text_of_no_template_stays_as_it_is() -> None:
    assert recognize("the bank called (before)", STORED) == "the bank called (before)"
    assert not isinstance(recognize("the bank called (before)", STORED), Sentence)


def test_a_value_that_stands_twice_is_the_same_in_both_places() -> None:
    assert isinstance(recognize("a b a", ["{x} b {x}"]), Sentence)
    assert not isinstance(recognize("a b c", ["{x} b {x}"]), Sentence)


def test_an_error_says_the_sentence_that_it_was_raised_with() -> None:
    assert sentence_of(ValueError(BELONGS)) is BELONGS
    assert sentence_of(ValueError("plain")) == "plain"
    assert sentence_of(ValueError()) == ""
