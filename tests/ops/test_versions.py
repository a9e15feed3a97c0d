"""A release has one version, wherever it stands, and the upgrade begins at the release before it."""

import re
import tomllib
from typing import Any

import yaml

from tests.ops.compose import ROOT
from tests.ops.upgrade.earlier import RELEASE


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


VERSION = _toml("pyproject.toml")["project"]["version"]


def test_the_lock_has_the_projects_version() -> None:
    (ours,) = (package for package in _toml("uv.lock")["package"] if package["source"] == {"editable": "."})
    assert ours["version"] == VERSION


def test_the_image_says_the_projects_version() -> None:
    found = re.findall(r"^ARG VERSION=(.*)$", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    assert found == [VERSION]


def test_production_runs_the_image_of_the_projects_version() -> None:
    overlay = yaml.safe_load((ROOT / "deploy/k8s/overlays/production/kustomization.yaml").read_text())
    assert {image["name"]: image["newTag"] for image in overlay["images"]} == {"koc-settlement": VERSION}


def test_the_rolling_upgrade_begins_at_the_last_release_before_this_version() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+) - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    earlier = [version for version in released if version != VERSION]
    assert f"v{earlier[0]}" == RELEASE
