"""An order's story: who was considered, who was credited, what was booked, and what is in its money's way."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
