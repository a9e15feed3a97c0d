"""Writes schemas/currencies.py: the currencies that money can be in, from the library iso4217 (ADR 0017).

python deploy/contract/currencies.py           write it
python deploy/contract/currencies.py --check   exit 1 if the committed file is stale
"""

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import iso4217

from schemas.currencies import CURRENCIES

TARGET = Path(__file__).parents[2] / "schemas/currencies.py"
_TEXT = '''"""The currencies that money can be in: ISO 4217 codes, without funds codes, metals and codes for tests.

Written by deploy/contract/currencies.py (`make docs`). A code that was once accepted stays (ADR 0017).
"""

_CODES = """
{codes}
"""
CURRENCIES = frozenset(_CODES.split())
'''


def current() -> set[str]:
    """The codes of today's standard in which something can be paid: with a minor unit, and of no fund."""
    entries = iso4217.raw_xml.iterfind("CcyTbl/CcyNtry")
    return {
        entry.findtext("Ccy", "").strip()
        for entry in entries
        if entry.findtext("CcyMnrUnts", "").strip().isdecimal() and entry.find("CcyNm[@IsFund]") is None
    }


def text(codes: Iterable[str]) -> str:
    """The module's text."""
    return _TEXT.format(codes=textwrap.fill(" ".join(sorted(codes)), 116))


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    wanted = text(CURRENCIES | current())
    if "--check" not in arguments:
        TARGET.write_text(wanted)
        return 0
    if TARGET.read_text() == wanted:
        return 0
    sys.stderr.write(f"{TARGET.name} is stale: run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
