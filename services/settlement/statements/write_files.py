"""Write statements to a folder: a file each, there whole or not at all, readable by its owner alone."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements.forms import StatementForm, file_name, writer_of


def write_files(
    statements: Iterable[NumberedStatement], form: StatementForm, folder: Path, written: Callable[[], None]
) -> list[Path]:
    """Write each statement; files of the same names are replaced.

    Args:
        statements: as they come.
        form: of all files.
        folder: made if need be.
        written: called after each file.

    Returns:
        The paths, in order.
    """
    make = writer_of(form)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for one in statements:
        path = folder / file_name(one, form)
        _write(path, make(one))
        paths.append(path)
        written()
    return paths


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.part")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    draft.replace(path)
