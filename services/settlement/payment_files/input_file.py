"""Files that people hand us: read whole, with a limit."""

from pathlib import Path

from services.kernel.errors import InputRefused

MAX_FILE_BYTES = 64 * 1024 * 1024
"""300,000 payments need less."""


def read_input(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        InputRefused: it is too large.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise InputRefused(f"{path.name} has more than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return raw


def read_text(raw: bytes) -> str:
    """A file's text: UTF-8, with or without a byte order mark.

    Raises:
        InputRefused: it is not UTF-8; names the line.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise InputRefused(f"line {line}: the file is not UTF-8: save it as UTF-8") from None
