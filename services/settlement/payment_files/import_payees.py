"""Import a payee file: all of its rows or none, and never another row under a known ref."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from services.kernel.errors import InputRefused
from services.settlement.books.payee_rows import add_payees, find_payees
from services.settlement.domain.remittance.payee_accounts import PayeeAccount


class ImportedPayees(NamedTuple):
    """How many rows were new, and how many were known before."""

    added: int
    known: int


def import_payees(payer: Engine, payees: Sequence[PayeeAccount], *, is_trial: bool) -> ImportedPayees:
    """Add the payees that are not known yet.

    Args:
        payer: an engine of a login in koc_payer.
        payees: of one file, each ref once.
        is_trial: check all, and add nothing.

    Raises:
        InputRefused: a ref is known with other data; nothing was added.
    """
    refs = [one.ref for one in payees]
    with payer.begin() as connection:
        before = find_payees(connection, refs)
        new = [one for one in payees if one.ref not in before]
        after = before
        if not is_trial:
            add_payees(connection, new)
            after = find_payees(connection, refs)
        if different := [one.ref for one in payees if after.get(one.ref, one) != one]:
            more = f", and so are {len(different) - 1:,} more" if len(different) > 1 else ""
            raise InputRefused(
                f"the ref {different[0]} is known with other data{more}: a row never changes, so give the payee a new "
                f"ref, and publish a payee.set that names it"
            )
    return ImportedPayees(len(new), len(payees) - len(new))
