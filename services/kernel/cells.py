"""Cells of CSV files that a spreadsheet program must not take for formulas."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def defuse(cell: str) -> str:
    """The cell as it may stand in a CSV file.

    A text that begins with = + - @ (also of full width), a tab or the end of a line gets an apostrophe before it: a
    spreadsheet program would run it as a formula (OWASP, CSV injection). A plain number stays a number.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
