"""The logins that this process was given: each must be able to do what it is for."""

from collections.abc import Callable, Iterator
from functools import partial

from services.operations.doctor.database import check_person, check_role
from services.operations.doctor.findings import DoctorFinding, Severity, run_check
from services.runtime.database import URL_VARIABLES, Role, has_address
from services.runtime.settings import settings

_LOGINS: tuple[tuple[str, Role, Callable[[], str]], ...] = (
    ("role koc_owner", "owner", partial(check_role, "owner")),
    ("role koc_reader", "reader", partial(check_role, "reader")),
    ("role koc_operator", "operator", partial(check_person, "operator", "koc_operator")),
    ("approver", "approver", partial(check_person, "approver", "koc_operator")),
    ("payer", "payer", partial(check_person, "payer", "koc_operator", "koc_payer")),
)

_LOCAL: frozenset[Role] = frozenset({"owner", "reader", "operator"})
"""Logins that every local stack has."""


def check_logins() -> Iterator[DoctorFinding]:
    """Look at every login but the writer's.

    In production a process has the logins of its own work alone, so that the others are no problem but a note.
    """
    for name, role, check in _LOGINS:
        if has_address(role):
            yield run_check(name, check)
        elif settings().environment == "production":
            detail = f"not looked at: {URL_VARIABLES[role]} is not set for this process"
            yield DoctorFinding(name, Severity.NOTE, detail)
        elif role in _LOCAL:
            yield run_check(name, check)
