"""A party (a KOC, an agency, a recruiter): its balance, what comes when, its statements and its debts."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
