"""One look at a record's bytes stands for a look at every text in it."""

import json

import pytest

from services.attribution.events import identifiers
from services.attribution.events.decode import WireDeclaration
from services.attribution.events.identifiers import check_identifiers, has_only_identifiers


@pytest.mark.parametrize(
    ("record", "clean"),
    [
        ({"a": "b_1", "n": 12, "none": None, "lines": [{"x": "~=+@:-."}, {}]}, True),
        ({"a": "b 1"}, False),
        ({"a": "b,1"}, False),
        ({"a": "b", "c": "é"}, False),
        ({"a": 'quo"te'}, False),
        ({"a": "back\\slash"}, False),
        ({"a": "{}"}, False),
        ({"a": "\n"}, False),
    ],
)
def test_a_record_is_clean_if_only_identifiers_stand_in_quotes(record, clean):
    for separators in (None, (",", ":")):
        assert has_only_identifiers(json.dumps(record, separators=separators, ensure_ascii=False).encode()) is clean
        assert has_only_identifiers(json.dumps(record, separators=separators).encode()) is clean


def test_an_escaped_identifier_is_left_to_the_slow_check():
    assert not has_only_identifiers(rb'{"a":"\u0061"}')


def test_only_a_bounded_number_of_skeletons_is_remembered(monkeypatch):
    monkeypatch.setattr(identifiers, "_known", set())
    monkeypatch.setattr(identifiers, "_SKELETONS", 2)
    records = [json.dumps(["x"] * n).encode() for n in range(1, 6)] + [json.dumps(["x"] * 900).encode()]
    assert all(map(has_only_identifiers, records))
    assert len(identifiers._known) == 2


def test_the_slow_check_finds_a_bad_identifier_at_any_depth_and_skips_free_texts():
    check_identifiers(WireDeclaration("v_1", "k_1", "natural"))
    for bad in (
        WireDeclaration("v 1", "k_1", "natural"),
        WireDeclaration("v_1", "k_1", "natural", "c 1"),
        ("a", ("b", "c d")),
    ):
        with pytest.raises(ValueError, match="identifier"):
            check_identifiers(bad)
    check_identifiers(WireDeclaration("any text", "k_1", "natural"), "content_id")
