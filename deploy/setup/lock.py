"""Resolve the dependencies into uv.lock and take the registry's host out of it.

The lock pins versions and hashes; where to get them from is the business of whoever installs (their client's own
configuration). uv writes the host of every file it saw into the lock, so the hosts are replaced by `index.invalid`.
`deploy/setup/environment.py` turns the lock into pinned requirements with hashes and installs those.
"""

import re
import subprocess
import sys
from pathlib import Path

HOST = re.compile(r"https://[^/\"]+/")


def main(uv: str) -> None:
    """Run `uv lock` and strip hosts."""
    lock = Path("uv.lock")
    subprocess.run([uv, "lock"], check=True)
    lock.write_text(HOST.sub("https://index.invalid/", lock.read_text()))


if __name__ == "__main__":
    main(sys.argv[1])
