"""The command koc as a person runs it."""

import os
import subprocess
import sys
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


def output_of(*arguments: str, **environment: str) -> str:
    """What koc prints where nothing goes wrong."""
    done = koc(*arguments, **environment)
    assert done.returncode == 0, f"koc {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
