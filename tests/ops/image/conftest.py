"""The engine, the image, and the figures that are told at the end."""

import time
from collections.abc import Iterator

import pytest

from tests.ops.image.build import IMAGE, build
from tests.ops.image.engine import Engine

_FIGURES: dict[str, str] = {}


@pytest.fixture(scope="session")
def figures() -> dict[str, str]:
    """What was measured, by its name; told after the tests."""
    return _FIGURES


@pytest.fixture(scope="session")
def engine(figures: dict[str, str]) -> Engine:
    """Podman, with the image built."""
    began = time.monotonic()
    podman = Engine()
    figures["podman is there"] = f"{time.monotonic() - began:.1f} s"
    began = time.monotonic()
    build(podman)
    figures["image built"] = f"{time.monotonic() - began:.1f} s"
    figures["image size"] = f"{podman.facts('image', IMAGE)['Size'] / 1e6:.0f} MB"
    return podman


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Tell the figures."""
    for name, figure in _FIGURES.items():
        terminalreporter.write_line(f"{name:40}{figure}")
    return (yield)
