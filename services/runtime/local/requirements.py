"""What the machine must have before a stack can start: Java, Maven (once) and room on the disk."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from services.kernel.errors import StartRefused

JAVA_MAJOR = 17
FREE_BYTES = 1 << 30

_OR_DOCKER = "or run the whole of it in Docker with `docker compose up`"


class Java(NamedTuple):
    """A Java: where it is, and its full version, such as 17.0.15."""

    path: str
    version: str


@cache
def java() -> Java:
    """A Java that can run Kafka.

    Raises:
        StartRefused: there is none, or it is too old.
    """
    path = shutil.which("java")
    if path is None:
        raise StartRefused(
            f"Java is missing: install a Java {JAVA_MAJOR} or newer (Debian: apt install openjdk-17-jre-headless), "
            f"{_OR_DOCKER}"
        )
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "((\d+)[^"]*)"', told)
    if found is None or int(found[2]) < JAVA_MAJOR:
        version = told.splitlines()[0] if told else "no version"
        raise StartRefused(f"{path} is too old for Kafka ({version}): install Java {JAVA_MAJOR} or newer, {_OR_DOCKER}")
    return Java(path, found[1])


def maven() -> str:
    """The path of Maven.

    Raises:
        StartRefused: there is none.
    """
    path = shutil.which("mvn")
    if path is None:
        raise StartRefused(
            f"Maven is missing, it fetches Kafka's jars once: install it (Debian: apt install maven), {_OR_DOCKER}"
        )
    return path


def room(folder: Path) -> None:
    """Check that the disk has room for a stack below `folder`.

    Raises:
        StartRefused: less than 1 GiB is free.
    """
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise StartRefused(
            f"only {free >> 20} MiB are free below {folder}, a stack needs {FREE_BYTES >> 20}: make room, or set "
            f"KOC_LOCAL_DIR to a folder on another disk"
        )
