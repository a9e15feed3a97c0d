"""Refused events, by why, and sending them again."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
