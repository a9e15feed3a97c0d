"""From when on orders are published if the beginning of a log is lost."""

from services.attribution.domain.horizons import ALWAYS, FUTURE, Horizons
from services.attribution.domain.truncation import publish_from
from services.kernel.time import DAY, HOUR

WINDOW = Horizons().candidate_window


def test_orders_are_published_from_the_first_whole_day_and_window_on():
    day = 20_000 * DAY
    assert publish_from(None, None, Horizons()) == ALWAYS
    assert publish_from(day + HOUR, None, Horizons()) == day + DAY + WINDOW
    assert publish_from(day + DAY - HOUR, None, Horizons()) == day + 2 * DAY + WINDOW
    assert publish_from(None, day, Horizons()) == day + FUTURE + 1
    assert publish_from(day, day + 40 * DAY, Horizons()) == day + 40 * DAY + FUTURE + 1
