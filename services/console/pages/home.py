"""The first page: the questions that people come with, and what needs a person now."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.render import render


def show_home(request: Request) -> Response:
    """The overview."""
    return render(request, "home.html", room="Overview")


ROUTES = (Route("/", show_home),)
