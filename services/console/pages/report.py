"""Reports with charts: what contents, KOCs, campaigns and products sold and cost."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
