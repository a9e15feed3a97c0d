"""Cells of CSV files that a spreadsheet program must not take for formulas."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def defuse(cell: str) -> str:
    """The cell as it may stand in a CSV file.

    A text that begins with = + - @, a tab or a carriage return gets an apostrophe before it: a spreadsheet program
    would run it as a formula. A plain number stays a number.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
