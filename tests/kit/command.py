"""The command koc as a person runs it."""

import os
import subprocess
import sys
import time
from pathlib import Path

KOC = str(Path(sys.executable).with_name("koc"))
NOWHERE = {"KOC_LOCAL_DIR": "/nonexistent", "KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
"""Variables that lead to no stack and no broker."""

_SECONDS = 200


def koc(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run koc to its end, with these variables besides our own; it looks at the stack that settings() lead to."""
    return subprocess.run(
        [KOC, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_SECONDS,
    )


def seconds_of_a_start() -> float:
    """How long a command takes now, on this machine and beside this load, that finds its arguments wrong."""
    began = time.monotonic()
    assert koc("dlq", "list", "--topic", "none").returncode == 2
    return time.monotonic() - began


def output_of(*arguments: str, **environment: str) -> str:
    """What koc prints where nothing goes wrong."""
    done = koc(*arguments, **environment)
    assert done.returncode == 0, f"koc {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
