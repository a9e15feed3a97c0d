"""Which logins the doctor looks at, and what it says of the others."""

from collections.abc import Iterator

import pytest

from services.kernel.errors import StartRefused
from services.operations.doctor import logins
from services.operations.doctor.findings import Severity
from services.runtime.settings import settings

_ROLES = ("OWNER", "READER", "OPERATOR", "APPROVER", "PAYER")


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No login but the writer's is set, and no server answers."""
    for role in _ROLES:
        monkeypatch.delenv(f"KOC_DATABASE_{role}_URL", raising=False)
    monkeypatch.setenv("KOC_LOCAL_DIR", "/nonexistent")
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_a_process_in_production_is_asked_for_its_own_logins_alone(nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("KOC_ENVIRONMENT", "production")
    found = list(logins.check_logins())
    assert [finding.severity for finding in found] == [Severity.NOTE] * len(_ROLES)
    assert all("is not set for this process" in finding.detail for finding in found)


def test_a_local_stack_that_lacks_a_login_is_a_problem(nothing_set: pytest.MonkeyPatch) -> None:
    del nothing_set
    found = {finding.check: finding for finding in logins.check_logins()}
    assert set(found) == {"role koc_owner", "role koc_reader", "role koc_operator"}
    assert not any(finding.ok for finding in found.values())


def test_a_login_that_is_set_is_looked_at_wherever_it_is(nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("KOC_ENVIRONMENT", "production")
    nothing_set.setenv("KOC_DATABASE_PAYER_URL", "postgresql://payer@127.0.0.1:1/koc")
    [payer] = [finding for finding in logins.check_logins() if finding.check == "payer"]
    assert payer.severity is Severity.PROBLEM
    assert "KOC_DATABASE_PAYER_URL" in payer.detail


def test_who_approves_may_be_the_operator(nothing_set: pytest.MonkeyPatch) -> None:
    from services.runtime.database import engine, has_address

    with pytest.raises(StartRefused):
        engine("approver")
    nothing_set.setenv("KOC_DATABASE_OPERATOR_URL", "postgresql://ann@127.0.0.1:1/koc")
    settings.cache_clear()
    assert engine("approver").url.username == "ann"
    assert not has_address("approver")
