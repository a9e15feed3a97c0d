"""Statements of closed months, to be read and printed."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
