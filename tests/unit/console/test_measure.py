"""Every page of the console is counted under a name of its own."""

from services.console import app
from services.runtime.metric_labels import PAGE


def test_each_page_has_its_label() -> None:
    pages = {page.__name__.rpartition(".")[2] for page in app._PAGES}
    assert pages <= {*PAGE.values, "payout_actions"}
    assert set(PAGE.values) - pages == {"other", "static"}
