"""A brand: its bill, its budgets, its contents."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
