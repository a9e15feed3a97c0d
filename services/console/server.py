"""`koc console`: check that it may listen there, then serve until SIGTERM."""

import logging
import signal
import socket
from collections.abc import Callable

import uvicorn

from services.console.access.guard import is_loopback
from services.console.app import console_app
from services.console.books import open_reader
from services.console.readiness import BooksProbe
from services.kernel.errors import StartRefused
from services.runtime.health import Health
from services.runtime.log import configure_logging
from services.runtime.settings import settings

PORT = 8700
STOP_SECONDS = 10
"""Requests under way may end within this time after SIGTERM."""


def serve(host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the console until SIGTERM or SIGINT.

    Args:
        host: to listen on.
        port: 0 = any that is free.
        say: told the address once it answers.

    Raises:
        StartRefused: others than this machine could reach it and no token is set; another process listens there; or
            the books cannot be read.
    """
    if not is_loopback(host) and settings().console_token is None:
        raise StartRefused(
            f"{host} can be reached from other machines, and no token is set: set KOC_CONSOLE_TOKEN to 20 characters "
            f"or more that nobody can guess, or listen on 127.0.0.1"
        )
    configure_logging("console")
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a page says in a sentence that Kafka is away
    health = Health(settings().instance_id or "console")
    health.serve()
    reader = open_reader()
    probe = BooksProbe()
    health.not_ready = probe.why_not_ready
    config = uvicorn.Config(
        console_app(reader, host),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        limit_concurrency=200,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again once it has stopped in order
        signal.signal(number, lambda *_: None)
    try:
        with _listening(host, port) as listener:
            _Server(config, health, say).run([listener])
    finally:
        probe.end()
        reader.dispose()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        StartRefused: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise StartRefused(f"{host} port {port} cannot be listened on ({reason}): give another --port") from None


class _Server(uvicorn.Server):
    """uvicorn, which says where it answers, and that its loop turns."""

    def __init__(self, config: uvicorn.Config, health: Health, say: Callable[[str], None]) -> None:
        super().__init__(config)
        self._health = health
        self._say = say

    async def on_tick(self, counter: int) -> bool:
        """The loop turned."""
        self._health.beat()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        for one in sockets or ():
            host, port = one.getsockname()[:2]
            self._say(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
