"""What a page of docs/ says: its sections, its tables, its examples."""

import re


def section_of(page: str, name: str) -> str:
    """The text under a heading of the second level."""
    (text,) = re.findall(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return str(text)


def rows_of(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose header begins so."""
    (table,) = re.findall(rf"^\| {re.escape(header)} .*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def json_of(page: str) -> str:
    """All JSON examples of a page, one after the other."""
    return "\n".join(re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
