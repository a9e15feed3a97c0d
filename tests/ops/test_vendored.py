"""What the repository carries of others stands in the image's bill of materials, with its version, hash and licence."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.ops.compose import ROOT

VENDORED = ROOT / "deploy/docker/vendored.cdx.json"
COMPONENTS: list[dict[str, Any]] = json.loads(VENDORED.read_text())["components"]
FILES = {one["location"]: part for part in COMPONENTS for one in part["evidence"]["occurrences"]}
LICENCES = {one["url"] for part in COMPONENTS for one in part["externalReferences"] if one["type"] == "license"}
IN_THE_IMAGE = ("services", "schemas", "deploy/migrations")
WE_WRITE = {".css", ".html", ".json", ".mako", ".md", ".py", ".svg", ".toml"}
"""Kinds of files that are ours, unless they are minified."""
OURS = {"services/console/static/visible.js"}
"""Files of other kinds that are ours all the same."""


def _carried() -> set[str]:
    """Files of the image that somebody else may have made."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *IN_THE_IMAGE]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {file for file in files if Path(file).suffix not in WE_WRITE or ".min." in file} - OURS


def test_no_file_of_others_is_forgotten_and_none_is_listed_that_is_not_there() -> None:
    assert set(FILES) | LICENCES == _carried()


def test_each_file_is_the_one_that_is_listed() -> None:
    for file, component in FILES.items():
        found = hashlib.sha256((ROOT / file).read_bytes()).hexdigest()
        hint = f"{file} has changed: write its hash, and its version, into {VENDORED.name}"
        assert component["hashes"] == [{"alg": "SHA-256", "content": found}], hint


def test_each_has_a_licence_by_its_name_and_as_a_text() -> None:
    for component in COMPONENTS:
        assert [one["license"].keys() for one in component["licenses"]] == [{"id"}], component["name"]
        (text,) = (one["url"] for one in component["externalReferences"])
        assert len((ROOT / text).read_text()) > 500, text


def test_what_came_from_a_python_package_came_from_the_version_that_we_pin() -> None:
    sources = [one for part in COMPONENTS for one in (part, *part.get("pedigree", {}).get("ancestors", ()))]
    found = {one["name"]: one["version"] for one in sources if one["purl"].startswith("pkg:pypi/")}
    assert found == {name: version(name) for name in ("mta", "pylopdf-fonts-zh-cn")}


def test_they_are_added_to_the_bill_that_the_build_makes(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    package = {"type": "library", "bom-ref": "a==1", "name": "a", "version": "1"}
    made = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [package]}
    made["metadata"] = {"component": {"type": "application", "bom-ref": "root", "name": "koc-settlement"}}
    made["dependencies"] = [{"ref": "a==1"}, {"ref": "root", "dependsOn": ["a==1"]}]
    bill.write_text(json.dumps(made))
    subprocess.run([sys.executable, ROOT / "deploy/docker/add_vendored.py", bill], check=True)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.read_text()) is None
    whole = json.loads(bill.read_text())
    assert whole["components"] == [package, *COMPONENTS]
    (root,) = (one for one in whole["dependencies"] if one["ref"] == "root")
    assert root["dependsOn"] == sorted(["a==1", *(one["bom-ref"] for one in COMPONENTS)])
    assert {one["ref"] for one in whole["dependencies"]} == {"root", *root["dependsOn"]}
