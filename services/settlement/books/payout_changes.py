"""What commands change of batches and payouts, each within the transaction of the command."""

from collections.abc import Sequence

from sqlalchemy import Connection, text, update

from services.settlement.books.payout_tables import payout, payout_batch
from services.settlement.domain.paying.payouts import CANCELLED


def approve_batch(connection: Connection, batch_id: str) -> None:
    """Approved, by the session's login, at the time of the transaction."""
    approved = {"status": "approved", "approved_by": text("session_user"), "approved_at": text("now()")}
    connection.execute(update(payout_batch).where(payout_batch.c.id == batch_id).values(**approved))


def cancel_batch(connection: Connection, batch_id: str) -> None:
    """The batch as a whole; its payouts are cancelled one by one."""
    connection.execute(update(payout_batch).where(payout_batch.c.id == batch_id).values(status="cancelled"))


def cancel_payouts(connection: Connection, payout_ids: Sequence[str]) -> None:
    """These payouts."""
    connection.execute(update(payout).where(payout.c.id.in_(payout_ids)).values(status=CANCELLED))


def release_payout(connection: Connection, payout_id: str) -> None:
    """What is held for a refused payout may be paid again."""
    connection.execute(update(payout).where(payout.c.id == payout_id).values(refused=False))
