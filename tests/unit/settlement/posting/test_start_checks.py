"""What the poster refuses before it touches money, and the traps of its libraries that it depends on."""

import importlib.util

import kafka
import pytest
from crc32c import crc32c
from kafka.record import util

from services.kernel.errors import InvariantBroken, StartRefused
from services.settlement.books.copy_format import NULL, identifiers, integers, literal, text
from services.settlement.domain.book.entries import GENESIS, Entry, Kind, Leg, canonical, chain
from services.settlement.posting import start_checks


def entry(*legs: Leg, cause: str = "why") -> Entry:
    return Entry("k", cause, Kind.COMMISSION_ACCRUED, "CNY", "2026-11", 0, "o_1", "1", None, legs)


def test_a_machine_without_fast_checksums_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    start_checks.check_crc32c()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StartRefused, match="crc32c"):
        start_checks.check_crc32c()


def test_kafka_python_is_one_that_keeps_its_partitions_and_uses_the_fast_checksum() -> None:
    assert tuple(map(int, kafka.__version__.split(".")[:3])) >= (3, 0, 12)
    assert util._crc32c is crc32c, "pure Python: 115 us a record"


def test_copy_text_keeps_what_identifiers_never_hold() -> None:
    assert text(None) == NULL
    assert text("b_1") == "b_1"
    assert text("a\tb\nc\\d") == r"a\tb\nc\\d"
    assert integers([1, -2]) == "{1,-2}"
    assert identifiers(["a", "NULL"]) == '{"a","NULL"}'
    assert identifiers(()) == "{}"
    assert literal(['b"c']) == r'{"b\"c"}'


def test_an_entry_out_of_balance_or_over_the_limit_is_not_chained() -> None:
    for legs in ([], [Leg("a", 0)], [Leg("a", 2), Leg("b", -1)], [Leg("a", 10**12 + 1), Leg("b", -(10**12) - 1)]):
        with pytest.raises(InvariantBroken):
            chain(entry(*legs), 0, GENESIS, 0)


def test_the_hashed_bytes_hold_each_field_with_its_length_in_utf_8() -> None:
    raw = canonical(entry(Leg("a", 1), Leg("b", -1), cause="é" + "x" * 300), 3, 7, 0, bytes(32))
    assert raw.startswith(b"koc-entry-1" + b"\0\0\0\x033-7" + b"\0\0\0\x01k" + b"\0\0\x01\x2e" + "é".encode() + b"xx")
    assert b"\0\0\0\x011" + b"\xff\xff\xff\xff" + b"\0\0\0\x013" in raw
    assert raw.endswith(b"\0\0\0\x01a" + b"\0\0\0\x011" + b"\0\0\0\x01b" + b"\0\0\0\x02-1")
