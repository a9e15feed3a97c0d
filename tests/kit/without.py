"""Programs that are not ours and that tests check us with: installed where that is possible, never quietly left out.

`KOC_WITHOUT=hledger,prometheus` leaves the tests of these out, and `make test` says so in its last lines.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

PACKAGES = {
    "hledger": "hledger", "prometheus": "prometheus", "promtool": "prometheus",
    "podman": "podman", "runc": "runc", "catatonit": "catatonit", "debootstrap": "debootstrap",
    "chromium": "chromium",
}  # fmt: skip
"""Program -> Debian package."""

ALSO_CALLED = {
    "chromium": (
        "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
}  # fmt: skip
"""Program -> what does as well, by its name on the PATH or by the place where macOS has it."""

_INSTALL_SECONDS = 240


def required(tool: str) -> bool:
    """Make sure that a program is there; False if its tests are to be left out. The test fails where it cannot be had.

    Args:
        tool: a key of PACKAGES.
    """
    package = PACKAGES[tool]
    if {tool, package} & set(re.split(r"[\s,]+", os.environ.get("KOC_WITHOUT", ""))):
        return False
    if _found(tool) is None and (problem := _install(package)):
        pytest.fail(f"{tool} is missing: {problem}. Install it, or leave its tests out with KOC_WITHOUT={tool}")
    return True


def installed(tool: str) -> str:
    """The path of a required program; a test that asks for one that is left out is skipped, with that reason."""
    if not required(tool):
        pytest.skip(f"left out by KOC_WITHOUT={os.environ['KOC_WITHOUT']}")
    path = _found(tool)
    assert path is not None, f"{PACKAGES[tool]} is installed, but has no {tool}"
    return path


def installed_file(path: Path, package: str) -> None:
    """Make sure that a file which is no program is there; the test fails where it cannot be had.

    Args:
        path: where the package puts it.
        package: of Debian.
    """
    if not path.exists() and (problem := _install(package)):
        pytest.fail(f"{path} is missing: {problem}. Install {package}")
    assert path.exists(), f"{package} is installed, but has no {path}"


def _found(tool: str) -> str | None:
    """The path of a program, or of one that does as well; None if there is none."""
    names = (tool, *ALSO_CALLED.get(tool, ()))
    return next(filter(None, map(shutil.which, names)), None)


@cache
def _install(package: str) -> str:
    """Install a Debian package as root; returns what stands in the way, empty if nothing does."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return f"only root on Debian can install the package {package} by itself"
    return _apt("update") or _apt("install", "-y", "--no-install-recommends", package)


@cache
def _apt(*words: str) -> str:
    """Run apt-get once; returns its last words if it failed."""
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *words]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"`{' '.join(command)}` took more than {_INSTALL_SECONDS} s"
    return "" if done.returncode == 0 else f"`{' '.join(command)}` failed: {done.stderr.strip()[-300:]}"
