"""What an export reads and seals: a batch, its payouts, and the rows of payout_file."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from services.kernel.time import to_micros
from services.settlement.books.payout_tables import payout, payout_batch, payout_file
from services.settlement.domain.remittance.forms import DuePayout, FilePlan, PaymentForm, file_reference, plan_files


class ApprovedBatch(NamedTuple):
    """A batch as an export finds it. `approved_at` is microseconds; None = nobody has approved it."""

    id: str
    status: str
    approved_at: int | None


def find_batch(connection: Connection, batch_id: str) -> ApprovedBatch | None:
    """The batch of this id."""
    wanted = select(payout_batch.c.status, payout_batch.c.approved_at).where(payout_batch.c.id == batch_id)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    return ApprovedBatch(batch_id, row.status, None if row.approved_at is None else to_micros(row.approved_at))


def due_payouts(connection: Connection, batch_id: str) -> list[DuePayout]:
    """The batch's payouts by id, those left out that were cancelled. A reply changes nothing of them."""
    columns = payout.c.id, payout.c.rail, payout.c.ref, payout.c.currency, payout.c.amount_minor
    wanted = select(*columns).where(payout.c.batch == batch_id, payout.c.status != "cancelled").order_by(payout.c.id)
    return [DuePayout(*row) for row in connection.execute(wanted)]


def sealed_files(connection: Connection, batch_id: str) -> dict[str, bytes]:
    """The sha256 of each file that was exported of the batch, by its name."""
    wanted = select(payout_file.c.name, payout_file.c.sha256).where(payout_file.c.batch == batch_id)
    return {row.name: bytes(row.sha256) for row in connection.execute(wanted)}


def find_exported(connection: Connection, reference: str) -> FilePlan | None:
    """The file that a bank knows by this reference, with its payouts; None = none was exported."""
    columns = payout_file.c.batch, payout_file.c.form, payout_file.c.currency, payout_file.c.number
    for batch, form, currency, number in connection.execute(select(*columns)):
        if file_reference(batch, form, currency, number) == reference:
            plans = plan_files(batch, due_payouts(connection, batch), PaymentForm(form))
            return next(plan for plan in plans if (plan.currency, plan.number) == (currency, number))
    return None


def seal_files(connection: Connection, files: Sequence[tuple[FilePlan, bytes]], command_id: str) -> None:
    """Add files, each with the sha256 of its bytes.

    Args:
        connection: within the transaction of the command.
        files: that were never sealed.
        command_id: that exported them.
    """
    rows = [
        {
            "sha256": sha256, "batch": plan.batch, "name": plan.name, "form": plan.form.value,
            "rail": plan.payouts[0].rail, "currency": plan.currency, "number": plan.number,
            "payouts": len(plan.payouts), "amount_minor": plan.amount_minor, "command": command_id,
        }
        for plan, sha256 in files
    ]  # fmt: skip
    if rows:
        connection.execute(insert(payout_file), rows)
