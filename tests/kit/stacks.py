"""Stacks that a test or a measurement has for itself, with settings() leading to them."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from services.runtime.local.stack import Stack
from services.runtime.settings import settings


@contextmanager
def leading_to(stack: Stack) -> Iterator[None]:
    """Within the block, settings() of this process and of its children lead to a stack."""
    known = [name for name in os.environ if name.startswith(("KOC_KAFKA_", "KOC_DATABASE_"))]
    with with_environment(dict.fromkeys(known) | stack.environment()):
        yield


@contextmanager
def with_environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Within the block, settings() are read with these variables; None = it is not set."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


@contextmanager
def empty_database_on(stack: Stack) -> Iterator[str]:
    """Within the block, settings() lead to a database without tables of this stack, owned by koc_owner; its name."""
    with database_like("template1", stack) as name:
        yield name


@contextmanager
def database_like(template: str, stack: Stack) -> Iterator[str]:
    """Within the block, settings() lead to a copy of a database of this stack, owned by koc_owner; its name.

    Args:
        template: nobody is connected to it.
        stack: of both.
    """
    name = f"test_{uuid.uuid4().hex}"
    urls = {f"KOC_{key.upper()}": url for key, url in stack.settings().items() if key.endswith("_url")}
    there = {key: make_url(url).set(database=name).render_as_string(hide_password=False) for key, url in urls.items()}
    with psycopg.connect(stack.superuser_dsn(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} OWNER koc_owner TEMPLATE {template}")
        with with_environment(there):
            yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def stack_of_its_own(folder: Path, workers: int = 0, environment: dict[str, str] | None = None) -> Iterator[Stack]:
    """Within the block, settings() lead to a fresh stack, of which nothing is left afterwards.

    Args:
        folder: for its data; need not exist.
        workers: of each kind.
        environment: further variables of its workers.
    """
    stack = Stack(folder, workers, environment)
    with ExitStack() as ends:
        ends.callback(stack.reset)
        ends.enter_context(stack)
        ends.enter_context(leading_to(stack))
        yield stack
