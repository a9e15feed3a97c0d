"""Settlement runs: what one settled, and what it left out."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
