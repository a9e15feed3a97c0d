"""A content: what it earned, sold and cost."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
