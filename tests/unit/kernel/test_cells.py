"""No cell of a CSV file is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.cells import defuse
from services.settlement.payment_files.csv_table import write_table


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("\nx", "'\nx"), ("\uff1d1+1", "'\uff1d1+1"), ("\uff20x", "'\uff20x"),
        ("-5", "-5"), ("-25.20", "-25.20"), ("+8613800000000", "+8613800000000"), ("25.20", "25.20"),
        ("-", "'-"), ("--5", "'--5"), ("-5 ", "'-5 "), ("-٣", "'-٣"), ("", ""), ("a=1", "a=1"), ("'=1", "'=1"),
        ("-5\n=1", "'-5\n=1"),
    ],
)  # fmt: skip
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell: str, safe: str) -> None:
    assert defuse(cell) == safe


@given(st.lists(st.lists(st.text(), min_size=2, max_size=4), max_size=5))
def test_what_is_written_reads_back_but_for_apostrophes_and_no_cell_begins_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(write_table(rows).decode("utf-8", "surrogatepass"), newline="")))
    assert read == [[defuse(cell) for cell in row] for row in rows]
    for cell in (cell for row in read for cell in row):
        assert not cell.startswith(("=", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
