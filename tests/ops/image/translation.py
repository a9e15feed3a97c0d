"""A service of the compose file as arguments of `podman run`: all of it, or an error."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.ops.image.build import IMAGE

LOOPBACK = "127.0.0.1"
_UNITS = {"s": 1.0, "m": 60.0}

ELSEWHERE = {
    "build": "the image is built before",
    "command": "stands behind the image",
    "depends_on": "Project.start keeps the order",
    "expose": "containers share the network of this machine",
    "healthcheck": "Container.is_healthy runs its command in the container",
    "image": "stands behind the options",
    "logging": "podman has a driver of its own",
    "ports": "containers share the network of this machine, and listen on loopback alone",
    "profiles": "who starts a service names it",
    "pull_policy": "nothing is pulled",
}
"""Keys of a service that are no option, and why."""


@dataclass(frozen=True)
class Place:
    """What is elsewhere here than in compose.

    Attributes:
        addresses: what a service's settings name -> where that is on this machine, such as `kafka:9092`.
        http_port: where a service's health server listens instead of at 8000.
    """

    addresses: Mapping[str, str]
    http_port: int

    def text(self, text: str) -> str:
        """A setting with this machine's addresses."""
        for there, here in self.addresses.items():
            text = text.replace(there, here)
        return text

    def health(self, service: Mapping[str, Any]) -> list[str]:
        """The command of a service's health check, asking this port."""
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD"
        return [word.replace(":8000/", f":{self.http_port}/") for word in words]


def seconds(text: str) -> float:
    """A duration of the compose file, such as 30s."""
    found = re.fullmatch(r"(\d+)([sm])", text)
    assert found, text
    return int(found[1]) * _UNITS[found[2]]


def run_arguments(name: str, service: Mapping[str, Any], place: Place, command: list[str] | None = None) -> list[str]:
    """All that follows `podman run`.

    Args:
        name: of the service, and of the container.
        service: as it stands in the compose file, variables filled in.
        place: what is elsewhere on this machine.
        command: instead of the service's own, as the words behind `docker compose run NAME`.

    Raises:
        KeyError: the service has a key that has no translation.
    """
    here = {"KOC_HTTP_PORT": str(place.http_port), "KOC_HTTP_HOST": LOOPBACK}
    environment = {**{key: place.text(value) for key, value in service["environment"].items()}, **here}
    options = [f"--name={name}", "--network=host", "--pull=never"]
    for key, value in service.items():
        if key not in ELSEWHERE and key != "environment":
            options += _OPTIONS[key](value)
    options += [f"--env={key}={value}" for key, value in environment.items()]
    words = service["command"] if command is None else command
    return [*options, IMAGE, *(LOOPBACK if word == "0.0.0.0" else word for word in words)]  # noqa: S104 - it is not


def _each(option: str) -> Callable[[list[str]], Iterator[str]]:
    return lambda values: (f"--{option}={value}" for value in values)


def _entrypoint(words: list[str]) -> list[str]:
    return [f"--entrypoint=[{','.join(f'{chr(34)}{word}{chr(34)}' for word in words)}]"]


def _read_only(asked: bool) -> list[str]:
    """Podman would add writable folders that Docker does not have."""
    return [f"--read-only={str(asked).lower()}", "--read-only-tmpfs=false"]


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "cap_drop": _each("cap-drop"),
    "entrypoint": _entrypoint,
    "init": lambda asked: [f"--init={str(asked).lower()}"],
    "read_only": _read_only,
    "restart": lambda policy: [f"--restart={policy}"],
    "security_opt": _each("security-opt"),
    "stop_grace_period": lambda text: [f"--stop-timeout={seconds(text):.0f}"],
    "tmpfs": _each("tmpfs"),
    "volumes": _each("volume"),
}
