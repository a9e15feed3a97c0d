"""Tables by key: what a key may be, and a whole table as CSV, however many pages it has."""

import base64
import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.console import keyset_rows
from services.console.tables import Column, PageTable, RowKey, TableRows, csv_lines, key_text, read_key
from services.console.values import LinkCell, MoneyCell, WordsCell, path
from services.kernel.errors import InputRefused
from services.kernel.time import to_datetime
from services.settlement.books.lookups.keyset import KeysetPage, rows_shown

PARTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.integers(
    -(2**63) + 1, 2**63 - 1
)


@given(st.lists(PARTS, max_size=4))
def test_a_key_comes_back_from_an_address_as_it_was(parts: list[str | int]) -> None:
    assert read_key(key_text(tuple(parts))) == tuple(parts)


@pytest.mark.parametrize(
    "text",
    ["", "!", "e30", "x" * 3_000, "W10x", *(base64.b64encode(json.dumps(one).encode()).decode()
     for one in ([2**63], [1.5], [None], [["a"]], ["a\0b"], {"a": 1}, "a"))],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place in the table"):
        read_key(text)


@pytest.mark.parametrize("key", [(1 << 62, "o_1", "1", 1), (0, "o_1", "1", "b_1"), (0, "o_1", "1", -1), (0,)])
def test_a_key_of_order_lines_that_nobody_gave_is_refused(key: RowKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset_rows, "reading", lambda _request: nullcontext())

    def read_lines(_books: Any, after: RowKey | None, _limit: int) -> KeysetPage[str]:
        assert after is not None
        to_datetime(int(after[0]))
        rows_shown(after)
        raise AssertionError("it was taken")

    read = keyset_rows.books_rows(Request({"type": "http"}), (int, str, str, int), read_lines, lambda row: [row])
    with pytest.raises((HTTPException, InputRefused)) as refused:
        read(key, 50)
    assert "no place in the table" in str(refused.value)


def test_a_csv_has_every_row_of_every_page_once_and_no_cell_is_a_formula() -> None:
    rows = [
        (f"o_{n}", MoneyCell(-n, "CNY"), LinkCell("=k", "/x"), WordsCell("paid", "good"), None) for n in range(2_500)
    ]

    def read(after: RowKey | None, limit: int) -> TableRows:
        first = 0 if after is None else int(after[0])
        found = rows[first : first + limit]
        return TableRows(found, (first + limit,) if first + limit < len(rows) else None)

    columns = [Column(name, name) for name in ("order", "amount", "koc", "state", "note")]
    lines = list(csv_lines(PageTable("lines", "Lines", columns, read)))
    assert lines[0] == "order,amount,koc,state,note\n"
    assert len(lines) == len(rows) + 1
    assert lines[2_500] == "o_2499,-24.99,'=k,paid,\n"


@pytest.mark.parametrize(
    ("minor", "currency", "shown", "exact"),
    [(123_456_789, "CNY", "1,234,567.89", "1234567.89"), (-5, "CNY", "-0.05", "-0.05"),
     (-1_234, "JPY", "-1,234", "-1234"), (0, "KWD", "0.000", "0.000")],
)  # fmt: skip
def test_an_amount_has_all_decimals_for_people_and_programs(minor: int, currency: str, shown: str, exact: str) -> None:
    assert (str(MoneyCell(minor, currency)), MoneyCell(minor, currency).exact) == (shown, exact)


def test_any_sign_may_stand_in_an_address() -> None:
    assert path("order", "o/1?x#y") == "/order/o%2F1%3Fx%23y"
    assert path("party", "koc:k_7") == "/party/koc:k_7"
