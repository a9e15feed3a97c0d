"""Small volumes, so that a disk can be filled without harm to the machine's."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_VOLUME_BYTES = 512 << 20
_CHUNK = bytes(1 << 16)


@contextmanager
def small_volume(folder: Path) -> Iterator[Path]:
    """Within the block a folder is a file system of its own, in memory; it."""
    if os.geteuid() != 0:
        pytest.fail("only root can mount the small volumes on which disks are filled: run the proof of alerts as root")
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_VOLUME_BYTES}", "koc-alerts", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def filled(folder: Path, left: float) -> Iterator[None]:
    """Within the block this share of a small volume is left at most.

    Args:
        folder: where the volume is mounted.
        left: 0.0 = not a byte.
    """
    total = shutil.disk_usage(folder).total
    assert total == _VOLUME_BYTES, f"{folder} is no small volume"
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while shutil.disk_usage(folder).free > total * left:
                file.write(_CHUNK)
        except OSError:
            assert left == 0.0
    yield
    filler.unlink()
