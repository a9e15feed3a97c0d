"""Payouts: from a proposal to a bank's reply, by two people."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
