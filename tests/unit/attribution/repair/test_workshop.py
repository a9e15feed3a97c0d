"""Stores are made anew only while all workers are stopped."""

import pytest

from services.attribution.repair import workshop
from services.kernel.errors import StartRefused


def test_stores_are_not_made_anew_while_a_worker_is_at_work(monkeypatch):
    monkeypatch.setattr(workshop, "emptied", lambda _: ["attribution-1"])
    with pytest.raises(StartRefused, match=r"at work in koc-attribution: attribution-1; stop them first"):
        workshop.check_stopped()
    monkeypatch.setattr(workshop, "emptied", lambda _: [])
    workshop.check_stopped()
