"""COPY's formats by hand: rows as text, and as binary where bytes would have to be written as hex otherwise.

psycopg's own dumpers cost several microseconds a row; the hot tables need strings, integers and arrays only.
"""

import re
import struct
from collections.abc import Iterable
from typing import Any

NULL = r"\N"
_BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_SHORT, _INT, _LONG = struct.Struct("!h").pack, struct.Struct("!i").pack, struct.Struct("!q").pack
_BINARY_END = b"\xff\xff"
_PLAIN = re.compile(r'[^\\"\x00-\x1f]*').fullmatch
_SPECIAL = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def text(value: str | None) -> str:
    """A text column of a COPY row; identifiers pass as they are."""
    if value is None:
        return NULL
    return value if _PLAIN(value) is not None else value.translate(_SPECIAL)


def integers(values: Iterable[int]) -> str:
    """An integer array as a literal."""
    return f"{{{','.join(map(str, values))}}}"


def identifiers(values: Iterable[str]) -> str:
    """An array of identifiers as a literal within a COPY row; the quotes keep one that is called NULL from being it."""
    return '{"' + '","'.join(values) + '"}' if values else "{}"


def literal(values: Iterable[str]) -> str:
    """A text array as a literal within a statement's parameter."""
    return "{" + ",".join('"' + value.replace("\\", r"\\").replace('"', r"\"") + '"' for value in values) + "}"


def bytea(value: bytes) -> str:
    """A bytea column of a COPY row."""
    return rf"\\x{value.hex()}"


def copy_text(cursor: Any, target: str, rows: list[str]) -> None:
    """COPY rows of tab-separated columns to `table (columns)`."""
    if rows:
        with cursor.copy(f"COPY {target} FROM STDIN") as copy:
            copy.write("\n".join(rows))


def copy_binary(cursor: Any, target: str, rows: list[bytes]) -> None:
    """COPY rows made by `binary_row` to `table (columns)`."""
    if rows:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT binary)") as copy:
            copy.write(b"".join((_BINARY_HEAD, *rows, _BINARY_END)))


def binary_row(*columns: bytes) -> bytes:
    """One row of binary COPY; each column as PostgreSQL's binary form of its type, none of them null."""
    parts = [_SHORT(len(columns))]
    for column in columns:
        parts += _INT(len(column)), column
    return b"".join(parts)


def smallint(value: int) -> bytes:
    """A smallint column of a binary row."""
    return _SHORT(value)


def bigint(value: int) -> bytes:
    """A bigint column of a binary row."""
    return _LONG(value)
