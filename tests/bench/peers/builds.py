"""The peers built from the sources beside this file, once for each content of these, below .local/peers."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from services.runtime.local.requirements import java, maven
from services.runtime.settings import REPOSITORY

_HERE = Path(__file__).parent
_BUILT = REPOSITORY / ".local/peers"


def kafka_streams() -> Path:
    """A folder with `classes` and `jars`."""
    java()
    pom = _HERE / "pom.xml"
    return _once("streams", [pom, *sorted((_HERE / "streams").rglob("*.java"))], lambda folder: _compile(pom, folder))


def _compile(pom: Path, folder: Path) -> None:
    goals = ["compile", "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'jars'}"]
    _run([maven(), "-B", "-q", "-f", str(pom), f"-Dpeers.build={folder}", *goals])


def quix() -> Path:
    """A virtual environment: Quix pins older versions of what we use."""
    requirements = _HERE / "quix/requirements.txt"
    return _once("quix", [requirements], lambda folder: _environment(requirements, folder))


def _environment(requirements: Path, folder: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    python = str(folder / "bin/python")
    _run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(requirements)])


def _once(name: str, sources: Iterable[Path], build: Callable[[Path], None]) -> Path:
    """The folder of what these sources make; built where it is to stay, and marked when done."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = _BUILT / f"{name}-{digest}"
    mark = folder / "built"
    if not mark.exists():
        print(f"building {name}, once", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        build(folder)
        mark.touch()
    return folder


def _run(command: list[str]) -> None:
    """Run a build step.

    Raises:
        SystemExit: it failed; with what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed, is its package index reachable? {(done.stdout + done.stderr)[-3000:]}")
