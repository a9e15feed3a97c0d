"""A topic full of something else stops the worker."""

import pytest

from services.attribution.worker.refusal_limit import WINDOW, RefusalLimit
from services.kernel.errors import StartRefused


def test_a_topic_is_judged_only_over_a_full_window():
    RefusalLimit("t").check(0, WINDOW - 1)
    half = RefusalLimit("t")
    half.check(WINDOW // 2, WINDOW // 2)
    with pytest.raises(StartRefused, match="not events of this topic"):
        half.check(0, 600)
    with pytest.raises(StartRefused):
        RefusalLimit("t").check(0, WINDOW)
