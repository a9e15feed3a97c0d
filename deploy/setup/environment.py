"""Make the virtual environment: the pinned dependencies of uv.lock, by hash, and `koc` itself, editable.

Needs Python 3.11 or newer and a package index as configured for pip; nothing else. `uv sync` would fetch from the hosts
written in the lock, and ours names none (deploy/setup/lock.py), so the lock is exported to requirements and installed.
"""

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path


def main() -> None:
    """Create, install, or say in one sentence why not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--uv", required=True, help="version of uv to install with")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - this script is what says so
        sys.exit("make setup: needs Python 3.11 or newer; name one with `make setup PYTHON=python3.12`")
    folder: Path = arguments.folder.absolute()
    print(f"setting up {arguments.folder} (once; needs a package index)", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    python, uv = folder / "bin/python", folder / "bin/uv"
    quiet = {**os.environ, "VIRTUAL_ENV": str(folder), "UV_NO_PROGRESS": "1"}
    requirements = folder / "requirements.txt"
    for step in (
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={arguments.uv}"],
        [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--all-groups", "--output-file", requirements],
        [uv, "pip", "install", "--quiet", "--require-hashes", "--requirement", requirements],
        [uv, "pip", "install", "--quiet", "--no-deps", "--editable", "."],
    ):
        if subprocess.run(list(map(str, step)), env=quiet, check=False).returncode:
            sys.exit(f"make setup: `{step[1]} {step[2]}` failed, see above; is a package index configured for pip?")


if __name__ == "__main__":
    main()
