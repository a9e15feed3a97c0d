"""The last release, installed beside this version with the libraries that it pinned."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RELEASE = "v0.2.0"
COMMIT = "49d55e509ccbaa0061d93e33a43837f93c3d49da"
"""What that tag names: a copy of the repository may lack tags, and has this commit if it has the history."""


def installed_earlier() -> Path:
    """The `koc` of the release, installed once into .local/earlier/; the test fails where that cannot be done."""
    folder = ROOT / ".local/earlier" / COMMIT
    program = folder / ".venv/bin/koc"
    if not (folder / ".venv/.ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _unpack(folder)
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        python = str(Path(sys.base_prefix) / "bin" / Path(sys.executable).resolve().name)
        made = subprocess.run(
            ["make", "setup", f"PYTHON={python}"], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert made.returncode == 0, f"the release {RELEASE} cannot be installed: {made.stdout}{made.stderr}"
    assert program.exists()
    return program


def _unpack(folder: Path) -> None:
    """The files of the release."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.fail(
            f"the release {RELEASE} (commit {COMMIT}) is not in this copy of the repository: `git fetch --unshallow`"
        )
    subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive.stdout, check=True)
