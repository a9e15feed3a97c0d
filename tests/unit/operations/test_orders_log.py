"""What an invalid event still says of itself."""

import pytest

from services.operations.explain.orders_log import texts_of


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (b'{"event_id": "e_\\ud800", "order_id": "o_1", "n": 1}', {"event_id": "e_\\ud800", "order_id": "o_1"}),
        (b'{"event_id": "\xe8\xae\xa2"}', {"event_id": "订"}),
        (b"[1]", {}),
        (b'{"half": ', {}),
        (None, {}),
    ],
)
def test_its_texts_can_be_shown_whatever_they_are(value, texts) -> None:
    """Half of a character in an event_id made the page of its order fail."""
    assert texts_of(value) == texts
