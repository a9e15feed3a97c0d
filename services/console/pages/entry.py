"""An entry of the journal, whole."""

from collections.abc import Sequence

from starlette.routing import Route

ROUTES: Sequence[Route] = ()
