"""Podman with a storage of its own below .local/image: it shares nothing with the containers of this machine.

The folder may be kept: it saves the next build most of its minutes. `make clean` removes it.
"""

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.without import PACKAGES, installed
from tests.ops.compose import ROOT

CACHE = ROOT / ".local/image"
_STORAGE = CACHE / "storage"
_SETTINGS = """\
[containers]
default_ulimits = [{limits}]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
"""runc, because crun refuses the mixed control groups of some hosts; no systemd is needed."""
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
_WANTED_LIMIT = 8192
_SECONDS = 300.0
_OLD = "until=168h"
"""Layers of builds that are older than a week go."""


class Engine:
    """Podman, ready to build and run as root. What a crash of an earlier run left behind is removed first."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            pytest.fail("the image is built and run as root: run `sudo make test-image`, on a machine of your own")
        for tool in ("podman", "runc", "catatonit", "debootstrap"):
            assert tool in PACKAGES
            installed(tool)
        CACHE.mkdir(parents=True, exist_ok=True)
        limits = (f'"{name}={_allowed(which)}:{_allowed(which)}"' for name, which in _LIMITS.items())
        (CACHE / "containers.conf").write_text(_SETTINGS.format(limits=", ".join(limits)))
        works = self.run("info")
        if works.returncode:
            pytest.fail(f"podman cannot work on this machine: {works.stderr[-500:]}")
        self.output("rm", "--all", "--force", "--time", "0")
        self.output("volume", "prune", "--force")
        self.output("image", "prune", "--force", "--filter", _OLD)

    def run(self, *words: object, seconds: float = _SECONDS) -> subprocess.CompletedProcess[str]:
        """A command of podman, whatever its exit status."""
        command = ["podman", "--root", _STORAGE, "--runroot", CACHE / "run", *words]
        environment = {**os.environ, "CONTAINERS_CONF": str(CACHE / "containers.conf"), "DISABLE_HC_SYSTEMD": "true"}
        return subprocess.run(
            list(map(str, command)), env=environment, capture_output=True, text=True, timeout=seconds, cwd=ROOT
        )

    def output(self, *words: object, seconds: float = _SECONDS) -> str:
        """What a command prints; the test fails if it does not end well."""
        done = self.run(*words, seconds=seconds)
        assert done.returncode == 0, f"podman {' '.join(map(str, words))}: {done.returncode}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def facts(self, kind: str, name: str) -> dict[str, Any]:
        """What podman knows of an image or a container."""
        found: list[dict[str, Any]] = json.loads(self.output(kind, "inspect", name))
        return found[0]

    def has_image(self, name: str) -> bool:
        """Whether an image of that name lies in the storage."""
        return self.run("image", "exists", name).returncode == 0


def _allowed(which: int) -> int:
    """A limit that this machine lets us set: podman's own wish is above what some hosts allow."""
    hard = resource.getrlimit(which)[1]
    return _WANTED_LIMIT if hard == resource.RLIM_INFINITY else min(hard, _WANTED_LIMIT)


def last_lines(path: Path, lines: int = 15) -> str:
    """The end of a log file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
