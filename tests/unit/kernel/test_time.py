"""Times as text and as microseconds: the quick way says what the strict one says, of any text."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import time
from services.kernel.time import DAY, format_rfc3339, parse_rfc3339, to_micros

CLOCKS = (
    *("2026-11-01T08:00:00", "2024-02-29T23:59:59", "2026-11-31T08:00:00", "2026-11-01T24:00:00", "2026-1-01T08:00:00"),
    *(
        "2026-11-01T08:60:00",
        "2026-11-01T08:00:60",
        "2026-11-01t08:00:00",
        "2026-11-01T08:00:0",
        "2026-11-01T0\uff18:00:00",
    ),
)
ENDS = (
    *("Z", "z", "", ".1Z", ".123456Z", ".1234567Z", "+08:00", "-00:00", ".5+08:00", ".123456-23:59", "+24:00", ".Z"),
    *("+8:00", ".1", ".+08:00", ".1 Z", "Z\n", ".\u0661Z", "..1Z", ".1+08:00Z", "+08:00Z", ".12a+08:00", ".1-08:0Z"),
)


def outcome(read, text):
    try:
        return read(text)
    except ValueError:
        return None


@pytest.mark.parametrize("text", [clock + end for clock, end in product(CLOCKS, ENDS)])
def test_a_text_is_read_by_its_parts_as_it_is_read_whole(text):
    assert outcome(parse_rfc3339, text) == outcome(time._checked, text)


@given(st.integers(-DAY * 700_000, DAY * 2_900_000))
def test_every_moment_has_one_text_that_datetime_reads_as_that_moment(micros):
    text = format_rfc3339(micros)
    assert to_micros(time.datetime.fromisoformat(text)) == micros
    assert text.endswith("Z")
    assert "." not in text or not text.endswith("0Z")
