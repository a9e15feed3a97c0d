"""Which month an entry belongs to, which one closes or opens next, and the bytes of a seal."""

from hashlib import sha256

import pytest

from services.kernel.errors import InputRefused, InvariantBroken
from services.kernel.time import parse_rfc3339
from services.settlement.domain.book.chart import kind_of
from services.settlement.domain.book.periods import (
    ClosedMonths,
    KnownMonth,
    PeriodClose,
    check_close,
    check_reopening,
    known_month,
    month_end,
    read_month,
)
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line

SHANGHAI = 480
OPEN = ClosedMonths(None, None)


def at(text: str) -> int:
    return parse_rfc3339(text)


JULY_1 = at("2026-07-01T00:00:00+08:00")


def close(period: str, revision: int = 1, *, at: int = 0, reopened_at: int | None = None) -> PeriodClose:
    cut = (10 * revision, 0)
    return PeriodClose(period, revision, cut, (0,), NO_SEAL, b"s", "c", "ann", at, reopened_at=reopened_at)


@pytest.mark.parametrize(
    ("months", "oldest"),
    [
        (OPEN, None),
        (ClosedMonths("2026-06", None), "2026-07"),
        (ClosedMonths("2026-12", None), "2027-01"),
        (ClosedMonths("2026-07", "2026-07"), "2026-07"),
        (ClosedMonths("2026-07", "2026-06"), "2026-06"),
    ],
)
def test_the_oldest_open_month_is_after_the_newest_closed_or_the_oldest_that_is_open_again(
    months: ClosedMonths, oldest: str | None
) -> None:
    assert months.oldest_open == oldest


def test_a_month_ends_in_the_settlement_zone() -> None:
    assert month_end("2026-06", SHANGHAI) == JULY_1
    assert month_end("2026-12", 0) == at("2027-01-01T00:00:00Z")
    assert month_end("2026-06", -300) == at("2026-07-01T05:00:00Z")
    check_close("2026-06", ClosedMonths("2026-05", None), None, JULY_1, SHANGHAI)
    with pytest.raises(InputRefused, match="2026-06 has not ended: it can be closed from 2026-06-30T16:00:00Z on"):
        check_close("2026-06", ClosedMonths("2026-05", None), None, JULY_1 - 1, SHANGHAI)


WRONG = [
    ("2026-06", OPEN, None, "the journal is empty: there is no month to close"),
    ("2026-06", OPEN, "2026-05", "months are closed in order: the month to close next is 2026-05"),
    ("2026-05", OPEN, "2026-06", "months are closed in order: the month to close next is 2026-06"),
    ("2026-06", ClosedMonths("2026-04", None), "2026-06", "closed in order: the month to close next is 2026-05"),
    ("2026-04", ClosedMonths("2026-05", None), None, "closed, or before all books: the month to close next is 2026-06"),
    ("2026-06", ClosedMonths("2026-06", "2026-05"), None, "closed in order: the month to close next is 2026-05"),
]


@pytest.mark.parametrize(("period", "months", "earliest", "sentence"), WRONG)
def test_another_month_than_the_next_is_refused_and_the_next_one_named(
    period: str, months: ClosedMonths, earliest: str | None, sentence: str
) -> None:
    with pytest.raises(InputRefused, match=sentence):
        check_close(period, months, earliest, 2 * JULY_1, SHANGHAI)


def test_only_the_newest_close_that_stands_is_undone() -> None:
    june = close("2026-06")
    assert check_reopening("2026-06", june) is june
    for period, standing in (("2026-06", None), ("2026-07", june), ("2026-05", june)):
        with pytest.raises(InputRefused):
            check_reopening(period, standing)


@pytest.mark.parametrize("text", ["2026-00", "2026-13", "2026-1", "1999-01", "2026-06 ", "June", "2026-06-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="is no month: write it as 2026-11"):
        read_month(text)


CLOSES = (close("2026-06", at=100, reopened_at=200), close("2026-05"), close("2026-06", 2, at=300))


@pytest.mark.parametrize(
    ("revision", "as_known_at", "cut", "recorded_by"),
    [
        (1, None, (10, 0), None),
        (2, None, (20, 0), None),
        (None, None, (20, 0), None),
        (None, 99, None, 99),
        (None, 100, (10, 0), None),
        (None, 199, (10, 0), None),
        (None, 200, None, 200),
        (None, 300, (20, 0), None),
    ],
)
def test_a_month_is_known_by_the_close_that_stood_then(
    revision: int | None, as_known_at: int | None, cut: tuple[int, ...] | None, recorded_by: int | None
) -> None:
    assert known_month("2026-06", CLOSES, revision, as_known_at) == KnownMonth("2026-06", cut, recorded_by)


def test_an_open_month_is_known_by_all_its_rows() -> None:
    assert known_month("2026-06", CLOSES[:2], None, None) == KnownMonth("2026-06")
    with pytest.raises(InputRefused, match="2026-06 has no revision 3: it has 2"):
        known_month("2026-06", CLOSES, 3, None)


def test_a_seal_is_the_sha256_of_its_lines_whoever_joins_them() -> None:
    lines = [sum_line("koc:k_7:payable", "CNY", -2520), sum_line("brand:br_2:receivable", "CNY", 2520)]
    text = f"koc-seal-1\n{'11' * 32}\n2026-06\n2\n7,0,118\nbrand:br_2:receivable|CNY|2520\nkoc:k_7:payable|CNY|-2520\n"
    sealed = SealHash(b"\x11" * 32, "2026-06", 2, [7, 0, 118]).add(sorted(lines))
    assert sealed.digest() == sha256(text.encode()).digest()
    in_parts = SealHash(b"\x11" * 32, "2026-06", 2, (7, 0, 118))
    for line in sorted(lines):
        in_parts.add([line])
    assert in_parts.digest() == sealed.digest()
    empty = sha256(f"koc-seal-1\n{'00' * 32}\n2026-06\n1\n0\n".encode()).digest()
    assert SealHash(NO_SEAL, "2026-06", 1, [0]).digest() == empty


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("koc:k_7:payable", "koc:*:payable"), ("brand:a:b:accrued", "brand:*:accrued"),
        ("clawback:koc:k_7", "clawback:*"),
        ("writeoff:koc:k_7", "writeoff:*"), ("platform:fee", "platform:fee"), ("budget:c_1:limit", "budget:*:limit"),
    ],
)  # fmt: skip
def test_accounts_of_one_kind_have_one_name(key: str, kind: str) -> None:
    assert kind_of(key) == kind
    with pytest.raises(InvariantBroken):
        kind_of("nobody")
