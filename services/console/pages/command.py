"""Commands: who decided what."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
