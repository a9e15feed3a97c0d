"""Where an export goes: a file that is there whole or not at all, or standard output."""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from services.kernel.errors import StartRefused


class NoOutput(StartRefused):
    """The file that was asked for cannot be made: EX_CANTCREAT."""

    exit_code = 73


def write(pieces: Iterable[str], output: Path | None) -> None:
    """Write text as UTF-8; a reader that stops early (`| head`) ends it in peace.

    Args:
        pieces: in order, line ends included; not asked for before it is known that there is a place for them.
        output: replaced in one step when all is written; None = standard output.

    Raises:
        NoOutput: the file cannot be made.
    """
    if output is None:
        _to_stdout(pieces)
        return
    _replace((piece.encode() for piece in pieces), output)


def write_bytes(content: bytes, output: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        NoOutput: the file cannot be made.
    """
    _replace([content], output)


def _replace(pieces: Iterable[bytes], output: Path) -> None:
    """Write beside the output, and put it in its place when all is written."""
    descriptor, name = _file_beside(output)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _file_beside(output: Path) -> tuple[int, str]:
    """A new file in the folder of `output`, open for writing: its descriptor and its path."""
    if output.is_dir():
        raise NoOutput(f"{output} is a folder: name a file to write to")
    try:
        return tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    except OSError as problem:
        raise NoOutput(f"no file can be made in {output.parent}: {problem.strerror}") from None


def _to_stdout(pieces: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
