"""Invariants and lag: whether the books are what they should be, and how far behind they are."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
