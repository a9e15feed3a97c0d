"""Where an export goes: a file that is there whole or not at all, or standard output."""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write(pieces: Iterable[str], output: Path | None) -> None:
    """Write text as UTF-8; a reader that stops early (`| head`) ends it in peace.

    Args:
        pieces: in order, line ends included.
        output: replaced in one step when all is written; None = standard output.
    """
    if output is None:
        _to_stdout(pieces)
        return
    descriptor, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _to_stdout(pieces: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
