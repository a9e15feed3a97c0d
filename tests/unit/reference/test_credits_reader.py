"""The reader that every suite judges attribution by."""

import json

from tests.reference.credits_reader import CreditsReader, Version, read_messages

LINE = ("b", "o", "1")


def reader_of(*said: tuple[Version, str]) -> CreditsReader[str]:
    reader: CreditsReader[str] = CreditsReader()
    for version, content in said:
        reader.take(LINE, version, content)
    return reader


def test_it_accepts_only_what_dominates_and_knows_what_it_misses() -> None:
    said = [((0, 1, 3, 2), "first"), ((0, 1, 1, 2), "old"), ((0, 1, 2, 5), "beside")]
    reader = reader_of(*said)
    assert (reader.accepted, reader.below_join(), reader.assertions) == ({LINE: "first"}, [LINE], 3)
    reader = reader_of(*said, ((0, 1, 3, 5), "whole"))
    assert (reader.accepted, reader.below_join()) == ({LINE: "whole"}, [])


def test_a_later_generation_of_the_log_dominates_whatever_its_counters() -> None:
    reader = reader_of(((0, 9, 9, 9), "old"), ((1, 1, 0, 0), "new"), ((0, 9, 9, 10), "late"))
    assert (reader.accepted, reader.below_join()) == ({LINE: "new"}, [])


def test_it_notices_equal_versions_with_other_content() -> None:
    assert reader_of(((0, 1, 3, 2), "one"), ((0, 1, 3, 2), "one")).contradictions == []
    assert reader_of(((0, 1, 3, 2), "one"), ((0, 1, 3, 2), "other")).contradictions == [LINE]


def test_messages_are_read_by_the_names_of_the_contract() -> None:
    message = {"buyer_id": "b", "order_id": "o", "line_id": "1", "status": "paid",
               "version": {"touch": 3, "order": 2, "rules": 1, "log": 0}}  # fmt: skip
    later = message | {"status": "cancelled", "version": message["version"] | {"order": 3}}
    reader = read_messages([json.dumps(later).encode(), json.dumps(message).encode()])
    assert reader.accepted == {LINE: later}
