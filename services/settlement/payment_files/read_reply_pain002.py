"""Replies as ISO 20022 pain.002, of any version from 03 on: the status of each transaction.

A file that declares a document type is refused before anything else: what entities could do, they do there.
"""

from collections.abc import Iterator

from lxml import etree

from services.kernel.errors import InputRefused
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.reply_rows import ReplyCells, read_row

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001."
OUTCOMES = {
    "ACSC": PayoutOutcome.CONFIRMED,
    "ACCC": PayoutOutcome.CONFIRMED,
    "RJCT": PayoutOutcome.REJECTED,
    "CANC": PayoutOutcome.REJECTED,
}
"""The last states: settled on our account, or on the creditor's; rejected, or cancelled before it was carried out."""

PENDING = frozenset({"ACCP", "ACFC", "ACSP", "ACTC", "ACWC", "ACWP", "PATC", "PDNG", "PRES", "RCVD"})
"""States that are not the last: such transactions say nothing yet."""


def read_pain002(raw: bytes) -> Iterator[ReplyRow | None]:
    """Rows of a reply; None = a payment that is still under way.

    Raises:
        InputRefused: it is no such reply; names the line.
    """
    root = _parse(raw)
    report = _first(root, "CstmrPmtStsRpt")
    if etree.QName(root).namespace is None or report is None:
        raise InputRefused(f"line {root.sourceline}: this is no pain.002: it has no CstmrPmtStsRpt")
    transactions = list(root.iter("{*}TxInfAndSts"))
    if not transactions:
        _check_whole_file(root)
    for transaction in transactions:
        yield _row(transaction)


def _parse(raw: bytes) -> etree._Element:
    """The document's root element."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as problem:
        raise InputRefused(f"line {problem.lineno}: this is no XML that we read: {problem.msg}") from None
    if root.getroottree().docinfo.doctype:
        raise InputRefused("line 1: the file declares a document type: no bank's reply does")
    if not (etree.QName(root).namespace or "").startswith(_NAMESPACE):
        raise InputRefused(f"line {root.sourceline}: this is no pain.002: its namespace is another one")
    return root


def _check_whole_file(root: etree._Element) -> None:
    """A status of the whole file, or of a payment instruction, is no row: we would have to guess which payments."""
    for name in ("GrpSts", "PmtInfSts"):
        for status in root.iter(f"{{*}}{name}"):
            if status.text not in PENDING:
                raise InputRefused(
                    f"line {status.sourceline}: the bank says {status.text} of a whole file and names no payment: "
                    f"reply with a csv that names the payouts of that file"
                )


def _row(transaction: etree._Element) -> ReplyRow | None:
    place = f"line {transaction.sourceline}"
    status = _text(transaction, "TxSts")
    if status in PENDING:
        return None
    if status not in OUTCOMES:
        raise InputRefused(f"{place}: TxSts must be one of {', '.join(sorted({*OUTCOMES, *PENDING}))}")
    amount = _first(transaction, "OrgnlTxRef/{*}Amt/{*}InstdAmt")
    charge = _first(transaction, "ChrgsInf/{*}Amt")
    currencies = {element.get("Ccy", "") for element in (amount, charge) if element is not None}
    if len(currencies) > 1 or len(transaction.findall("{*}ChrgsInf")) > 1:
        raise InputRefused(f"{place}: several charges, or one in another currency: reply with a csv for this payment")
    return read_row(
        ReplyCells(
            place,
            _text(transaction, "OrgnlEndToEndId"),
            OUTCOMES[status],
            "" if amount is None else (amount.text or "").strip(),
            "".join(currencies),
            _text(transaction, "AcctSvcrRef") or _text(transaction, "ClrSysRef"),
            "" if charge is None else (charge.text or "").strip(),
        )
    )


def _first(element: etree._Element, path: str) -> etree._Element | None:
    return element.find(f"{{*}}{path}")


def _text(element: etree._Element, path: str) -> str:
    """The text of a descendant; empty where there is none."""
    found = _first(element, path)
    return "" if found is None else (found.text or "").strip()
