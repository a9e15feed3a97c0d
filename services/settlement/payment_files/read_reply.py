"""A bank's reply, whatever its form: its rows, and how many payments it says nothing of yet."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from services.settlement.domain.remittance.replies import ReplyRow
from services.settlement.payment_files.read_reply_csv import ALIPAY_REQUIRED, read_alipay_reply, read_csv_reply
from services.settlement.payment_files.read_reply_pain002 import read_pain002
from services.settlement.payment_files.read_reply_wechat import read_wechat_reply
from services.settlement.payment_files.reply_rows import WholeFile


class ReplyForm(StrEnum):
    """What a reply can look like."""

    PAIN_002 = "pain.002"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    CSV = "csv"


READERS: Mapping[ReplyForm, Callable[[bytes], Iterator[ReplyRow | WholeFile | None]]] = {
    ReplyForm.PAIN_002: read_pain002,
    ReplyForm.WECHAT: read_wechat_reply,
    ReplyForm.ALIPAY: read_alipay_reply,
    ReplyForm.CSV: read_csv_reply,
}
_BOM = b"\xef\xbb\xbf"


class BankReply(NamedTuple):
    """A reply as read.

    Attributes:
        sha256: of the file's bytes.
        form: of the file.
        rows: that name a payout.
        pending: how many payments are still under way.
        files: statuses of whole files.
    """

    sha256: str
    form: ReplyForm
    rows: list[ReplyRow]
    pending: int
    files: Sequence[WholeFile] = ()


def read_reply(raw: bytes, form: ReplyForm | None) -> BankReply:
    """Read a whole reply.

    Args:
        raw: the file's bytes.
        form: None = found out by how the file begins.

    Raises:
        InputRefused: the file is broken; names the line. Nothing of it counts then.
    """
    taken = form or _form_of(raw)
    found = list(READERS[taken](raw))
    rows = [one for one in found if isinstance(one, ReplyRow)]
    files = [one for one in found if isinstance(one, WholeFile)]
    pending = sum(one is None for one in found)
    return BankReply(hashlib.sha256(raw).hexdigest(), taken, rows, pending, files)


def _form_of(raw: bytes) -> ReplyForm:
    """XML begins with <, JSON with {; Alipay's first line names its column of ids."""
    start = raw.removeprefix(_BOM).lstrip()
    if start.startswith(b"<"):
        return ReplyForm.PAIN_002
    if start.startswith(b"{"):
        return ReplyForm.WECHAT
    is_alipay = ALIPAY_REQUIRED[0].encode() in start.partition(b"\n")[0]
    return ReplyForm.ALIPAY if is_alipay else ReplyForm.CSV
