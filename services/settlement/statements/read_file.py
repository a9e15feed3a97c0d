"""Read what a party was given, without books: a statement's file, and the root to check it against."""

import json
import re
from pathlib import Path

from services.kernel.errors import InputRefused
from services.settlement.domain.book.commands import JsonObject

_MEMBERS = {"seq", "period", "revision", "party", "currency", "statement", "sha256", "root", "path"}
_HASH = re.compile(r"[0-9a-f]{64}")
_STEP = re.compile(r"0[01][0-9a-f]{64}")


def read_statement_file(file: Path) -> JsonObject:
    """The message that a file holds.

    Raises:
        InputRefused: it holds none.
    """
    try:
        message = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise InputRefused(f"{file} is no JSON document: only a statement as JSON can be checked") from None
    if not isinstance(message, dict) or not message.keys() >= _MEMBERS:
        raise InputRefused(f"{file} is no statement: it must have the members {', '.join(sorted(_MEMBERS))}")
    path = message["path"]
    if not isinstance(path, list) or not all(isinstance(one, str) and _STEP.fullmatch(one) for one in path):
        raise InputRefused(f"{file} is no statement: its path is damaged")
    return dict(message)


def read_root(text: str) -> bytes:
    """A root as people write it.

    Raises:
        InputRefused: it is none.
    """
    if not _HASH.fullmatch(text.lower()):
        raise InputRefused(f"{text!r} is no root: it has 64 digits 0 to 9 or a to f; `koc statement root` prints it")
    return bytes.fromhex(text)
