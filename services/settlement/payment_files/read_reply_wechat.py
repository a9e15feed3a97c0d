"""Replies of WeChat Pay: the JSON that a query of a batch gives (GET /v3/transfer/batches/out-batch-no/…)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.fields import MAX_AMOUNT_MINOR
from services.kernel.errors import InputRefused
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.input_file import read_text
from services.settlement.payment_files.reply_rows import ReplyCells, read_row

DETAILS = "transfer_detail_list"
OUTCOMES = {"SUCCESS": PayoutOutcome.CONFIRMED, "FAIL": PayoutOutcome.REJECTED}
PENDING = frozenset({"INIT", "WAIT_PAY", "PROCESSING"})


def read_wechat_reply(raw: bytes) -> Iterator[ReplyRow | None]:
    """Rows of a reply; None = a payment that is still under way.

    Raises:
        InputRefused: it is no such reply; names the line, or which of the details.
    """
    try:
        reply = json.loads(read_text(raw))
    except json.JSONDecodeError as problem:
        raise InputRefused(f"line {problem.lineno}: this is no JSON: {problem.msg}") from None
    except (RecursionError, ValueError):
        raise InputRefused("line 1: the JSON is nested too deeply, or a number is too long") from None
    details = reply.get(DETAILS) if isinstance(reply, dict) else None
    if not isinstance(details, list):
        raise InputRefused(f"line 1: the reply has no list {DETAILS}")
    for number, detail in enumerate(details, start=1):
        yield _row(f"{DETAILS}, number {number}", detail)


def _row(place: str, detail: Any) -> ReplyRow | None:
    if not isinstance(detail, dict):
        raise InputRefused(f"{place}: a detail must be an object")
    status = _text(place, detail, "detail_status")
    if status in PENDING:
        return None
    if status not in OUTCOMES:
        raise InputRefused(f"{place}: the detail_status must be one of {', '.join(sorted({*OUTCOMES, *PENDING}))}")
    name, ref = _text(place, detail, "out_detail_no"), _text(place, detail, "detail_id")
    row = read_row(ReplyCells(place, name, OUTCOMES[status], bank_ref=ref))
    fen = detail.get("transfer_amount")
    if fen is None:
        return row
    if type(fen) is not int or not 0 <= fen <= MAX_AMOUNT_MINOR:
        raise InputRefused(f"{place}: the transfer_amount must be a whole number of fen")
    return row._replace(amount_minor=fen, currency="CNY")


def _text(place: str, detail: Mapping[str, Any], name: str) -> str:
    """A member that is text; empty where it is left out."""
    text = detail.get(name, "")
    if not isinstance(text, str):
        raise InputRefused(f"{place}: {name} must be text")
    return text
