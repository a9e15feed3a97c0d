"""Search: what an id belongs to."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
