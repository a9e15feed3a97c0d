"""What a compose engine would refuse, and what we refuse, found without an engine."""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(:-|:\?)([^}]*)\}")


def load() -> dict[str, Any]:
    """The compose file with its anchors resolved."""
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def problems(document: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a compose file, a sentence each."""
    checks = (_against_schema, _undefined, _build_secrets, _dependencies, _ports)
    return [problem for check in checks for problem in check(document)]


def variables(document: dict[str, Any]) -> set[str]:
    """The variables that must be set: ${NAME:?…}; those with a default need not be."""
    return set(re.findall(r"\$\{(\w+):\?", yaml.safe_dump(document)))


def interpolated(document: Any, values: Mapping[str, str]) -> Any:
    """The same with `${NAME:-default}` and `${NAME:?why}` filled in, as an engine does from the environment and .env.

    Raises:
        KeyError: a variable that must be set is not.
    """
    if isinstance(document, dict):
        return {key: interpolated(value, values) for key, value in document.items()}
    if isinstance(document, list):
        return [interpolated(value, values) for value in document]
    return _VARIABLE.sub(partial(_value_of, values), document) if isinstance(document, str) else document


def _value_of(values: Mapping[str, str], found: re.Match[str]) -> str:
    name, how, default = found.groups()
    return values.get(name) or default if how == ":-" else values[name]


def _against_schema(document: dict[str, Any]) -> Iterator[str]:
    """The compose specification's own schema, as check-jsonschema carries it."""
    found = importlib.util.find_spec("check_jsonschema")
    assert found
    assert found.origin
    schema = json.loads((Path(found.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_text())
    for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(document):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"


def _undefined(document: dict[str, Any]) -> Iterator[str]:
    """Volumes, networks, secrets and configs that a service names and nobody defines, or that nobody uses."""
    for kind in ("networks", "secrets", "configs"):
        for name, service in document["services"].items():
            yield from (
                f"{name}: {kind} {entry} is not defined"
                for entry in service.get(kind, ())
                if entry not in document.get(kind, {})
            )
    used = set()
    for name, service in document["services"].items():
        for source in (volume.split(":")[0] for volume in service.get("volumes", ())):
            used.add(source)
            if source.startswith((".", "/")):
                if not (ROOT / source).exists():
                    yield f"{name}: {source} does not exist"
            elif source not in document.get("volumes", {}):
                yield f"{name}: volume {source} is not defined"
    yield from (f"volume {volume} is used by nobody" for volume in document.get("volumes", {}) if volume not in used)


def _build_secrets(document: dict[str, Any]) -> Iterator[str]:
    """Secrets that a build names and nobody defines, or whose file is not there."""
    defined = interpolated(document.get("secrets", {}), {})
    for name, service in document["services"].items():
        for secret in service.get("build", {}).get("secrets", ()):
            if secret not in defined:
                yield f"{name}: secret {secret} of the build is not defined"
            elif not (ROOT / defined[secret]["file"]).exists():
                yield f"{name}: {defined[secret]['file']} does not exist"


def _dependencies(document: dict[str, Any]) -> Iterator[str]:
    """Dependencies on nobody, and conditions that can never be met."""
    services = document["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: depends on {other}, which is not there"
            elif how["condition"] == "service_healthy" and "test" not in services[other].get("healthcheck", {}):
                yield f"{name}: waits for {other} to be healthy, which has no health check"
            elif how["condition"] == "service_completed_successfully" and services[other].get("restart") != "no":
                yield f"{name}: waits for {other} to end, which is started again for ever"


def _ports(document: dict[str, Any]) -> Iterator[str]:
    """Ports that others than this machine could reach, and ports given twice."""
    taken: dict[str, str] = {}
    for name, service in document["services"].items():
        for port in service.get("ports", ()):
            host = ":".join(str(port).split(":")[:-1])
            if not host.startswith("127.0.0.1:"):
                yield f"{name}: port {port} is not bound to 127.0.0.1"
            if host in taken:
                yield f"{name}: port {port} is taken by {taken[host]}"
            taken[host] = name
