"""Every page of the console is counted under a name of its own."""

from starlette.routing import Route

from services.console.app import _routes
from services.console.measure import _page_of
from services.runtime.metric_labels import PAGE


def test_each_page_has_its_label() -> None:
    routes = [route for route in _routes() if isinstance(route, Route)]
    pages = {_page_of({"endpoint": route.endpoint, "path": route.path}) for route in routes}
    assert pages == set(PAGE.values) - {"other", "static"}
    assert _page_of({"path": "/static/console.css"}) == "static"
    assert _page_of({"path": "/nothing"}) == "other"
