"""Logs: one structured line per happening on stderr; JSON where a program reads it, colours where a person does."""

import logging
import re
import sys
import traceback
from types import TracebackType

import structlog

from services.runtime.settings import settings


def configure_logging(process: str) -> None:
    """Set up structlog and route the standard library's logging through it. Call once, first thing in a process."""
    console = settings().log_format == "console" or (settings().log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_rows,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("kafka", "aiokafka", "faust", "mode"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.excepthook = _tell_uncaught


_ROWS = re.compile(r"^[ \t]*(?:DETAIL:|CONTEXT:|\[parameters:).*\n?", re.MULTILINE)
"""Lines in which PostgreSQL and SQLAlchemy repeat rows and values, with the buyers in them."""


def _without_rows(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A log holds no buyer: what an error of the database repeats of its rows is left out."""
    return {name: _ROWS.sub("", value) if isinstance(value, str) else value for name, value in event.items()}


def _tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught ends the process; its traceback too is a part of the log."""
    sys.stderr.write(_ROWS.sub("", "".join(traceback.format_exception(kind, error, trace))))


def log_on_stderr() -> None:
    """Keep standard output for a command's answer: what it and its libraries log goes to standard error."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
