"""The image, built from deploy/docker/Dockerfile on a stand-in for its base, because no image registry is reached.

The stand-in is Debian's own Python of the same release, made by debootstrap: on Debian from the mirror that apt uses,
on another system, such as Ubuntu, from Debian's public one. As in the real base, `python` is on the PATH and pip lies
below /usr/local.
"""

import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.without import installed_file
from tests.ops.compose import ROOT
from tests.ops.image.engine import CACHE, Engine, last_lines

DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
IMAGE = "koc-settlement"
_BASE = re.compile(r"^FROM (python:\S+-slim-(\w+))", re.MULTILINE)
_PACKAGES = "python3,ca-certificates"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""By which Debian signs; on Debian apt has it, elsewhere the package debian-archive-keyring."""
_SECONDS = 600.0


def build(engine: Engine) -> str:
    """Build the image by the documented recipe, behind whatever CA this machine trusts; returns what the build said."""
    base, release = _base()
    if not engine.has_image(base):
        _make_base(engine, base, release)
    words = ["build", "--isolation", "chroot", "--network", "host", "--pull=never", "--tag", IMAGE]
    words += ["--file", str(DOCKERFILE), f"--build-arg=PACKAGE_INDEX={_package_index()}", "--build-arg=REVISION=tested"]
    authorities = os.environ.get("KOC_BUILD_CA") or ssl.get_default_verify_paths().cafile
    if authorities:
        words += ["--secret", f"id=ca,src={authorities}"]
    done = engine.run(*words, ROOT, seconds=_SECONDS)
    assert done.returncode == 0, f"the image cannot be built: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout + done.stderr


def _base() -> tuple[str, str]:
    """The one base of the Dockerfile, and its Debian release."""
    found = set(_BASE.findall(DOCKERFILE.read_text()))
    assert len(found) == 1, "all stages have the same base, so that what one builds runs in the other"
    name, release = found.pop()
    return f"docker.io/library/{name}", release


def _make_base(engine: Engine, name: str, release: str) -> None:
    """Make the stand-in and import it under the base's name."""
    folder, log = CACHE / "base", CACHE / "debootstrap.log"
    shutil.rmtree(folder, ignore_errors=True)
    mirror = debian_mirror(_apt_sources())
    if mirror is None:
        installed_file(KEYS, "debian-archive-keyring")
    with log.open("wb") as output:
        bootstrap = bootstrap_command(release, folder, mirror)
        status = subprocess.run(bootstrap, stdout=output, stderr=output, timeout=_SECONDS).returncode
    if status:
        where = mirror or f"Debian's public mirror, as apt knows none of {release} (on Debian: run `apt-get update`)"
        pytest.fail(f"debootstrap failed with {where}, see {log}: {last_lines(log)}")
    _install_pip(folder)
    (folder / "usr/bin/python").symlink_to("python3")
    archive = CACHE / "base.tar"
    subprocess.run(["tar", "--create", "--file", archive, "--directory", folder, "."], check=True, timeout=_SECONDS)
    engine.output("import", archive, name)
    archive.unlink()
    shutil.rmtree(folder)


def _install_pip(folder: Path) -> None:
    """Give the stand-in a pip where the real base has it."""
    wheels = folder / "tmp/wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "download", "--no-deps", "--dest", wheels, "pip"], check=True, timeout=_SECONDS)
    for marker in (folder / "usr/lib").glob("python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (wheel,) = (f"/tmp/wheels/{path.name}" for path in wheels.iterdir())  # noqa: S108 - within the stand-in
    install = ["chroot", folder, "python3", f"{wheel}/pip", "install", "--quiet", "--no-index"]
    subprocess.run([*install, "--root-user-action=ignore", wheel], check=True, timeout=_SECONDS)
    shutil.rmtree(wheels)


def bootstrap_command(release: str, folder: Path, mirror: str | None) -> list[str]:
    """The command that makes the stand-in.

    Args:
        release: of Debian, by its name.
        folder: to make.
        mirror: of Debian; None = debootstrap's own default for this release, signed by Debian or refused. On a system
            that lacks Debian's keys it would else go on with a warning.
    """
    words = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}"]
    if mirror is not None:
        return [*words, release, str(folder), mirror]
    return [*words, f"--keyring={KEYS}", "--force-check-gpg", release, str(folder)]


def debian_mirror(sources: str) -> str | None:
    """The mirror that apt takes Debian's main component from; None on another system, or before `apt-get update`.

    Args:
        sources: of apt, a line each: origin, component, the release's name, address.
    """
    found = [row.split()[-1] for row in sources.splitlines() if re.match(r"Debian main [a-z]+ ", row)]
    return found[0] if found else None


def _apt_sources() -> str:
    """What apt says of its sources."""
    listing = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)"]
    return subprocess.run([*listing, "Created-By: Packages"], capture_output=True, text=True, check=True).stdout


def _package_index() -> str:
    """The package index that pip is configured for; empty = its own default."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    return os.environ.get("PIP_INDEX_URL") or configured.stdout.strip()
