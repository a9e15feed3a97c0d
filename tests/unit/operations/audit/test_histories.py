"""Random histories of the product's code: the audit, which shares none of it, comes to the same plans and accounts."""

import pytest

from services.operations.audit.audit import audit
from tests.kit.audit_histories import RandomHistory
from tests.kit.book_driver import ZONE_MINUTES


@pytest.mark.parametrize("seed", range(12))
def test_a_random_history_audits_clean(seed: int) -> None:
    report = audit(RandomHistory(seed).live(steps=150).topics(), ZONE_MINUTES, lambda _line: None)
    assert report.differences == []
    assert report.checked["runs"] > 0
