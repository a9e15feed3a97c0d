"""COPY's formats by hand: rows as text, and as binary where bytes would have to be written as hex otherwise.

psycopg's own dumpers cost several microseconds a row; the hot tables need strings, integers and arrays only.
"""

import struct
from collections.abc import Iterable
from typing import Any

NULL = r"\N"
_BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_INT = struct.Struct("!i").pack
_INTEGERS = struct.Struct("!ihiqi").pack
"""A smallint and a bigint, each behind its size, and the size of what follows them."""
_SHORT_SIZE, _LONG_SIZE, _SIX_COLUMNS = 2, 8, b"\0\6"
_BINARY_END = b"\xff\xff"
_SPECIAL = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def text(value: str | None) -> str:
    """A text column of a COPY row; identifiers pass as they are."""
    if value is None:
        return NULL
    return value if value.isprintable() and "\\" not in value else value.translate(_SPECIAL)


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


def binary_row(texts: tuple[str, str, str], small: int, big: int, raw: bytes) -> bytes:
    """One row of binary COPY: three texts, a smallint, a bigint and a bytea, none of them null."""
    first, second, third = texts[0].encode(), texts[1].encode(), texts[2].encode()
    integers = _INTEGERS(_SHORT_SIZE, small, _LONG_SIZE, big, len(raw))
    return b"".join((_SIX_COLUMNS, _INT(len(first)), first, _INT(len(second)), second, _INT(len(third)), third,
                     integers, raw))  # fmt: skip
