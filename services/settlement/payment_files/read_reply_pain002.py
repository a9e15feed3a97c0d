"""Replies as ISO 20022 pain.002, of any version from 03 on: the status of each transaction.

A file that declares a document type is refused before anything else: what entities could do, they do there.
"""

from collections.abc import Iterator

from lxml import etree

from services.kernel.errors import InputRefused
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.reply_rows import ReplyCells, WholeFile, read_row

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


def read_pain002(raw: bytes) -> Iterator[ReplyRow | WholeFile | None]:
    """Rows of a reply, and what it says of whole files; None = a payment that is still under way.

    Raises:
        InputRefused: it is no such reply; names the line.
    """
    root = _parse(raw)
    if _first(root, "CstmrPmtStsRpt") is None:
        raise InputRefused(f"line {root.sourceline}: this is no pain.002: it has no CstmrPmtStsRpt")
    yield from _whole_files(root)
    for transaction in root.iter("{*}TxInfAndSts"):
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


def _whole_files(root: etree._Element) -> Iterator[WholeFile]:
    """The last status of a file that we sent; its payment instruction has the same reference."""
    said: dict[str, WholeFile] = {}
    for name, reference_name in (("GrpSts", "OrgnlMsgId"), ("PmtInfSts", "OrgnlPmtInfId")):
        for status in root.iter(f"{{*}}{name}"):
            outcome = OUTCOMES.get(status.text or "")
            place, reference = f"line {status.sourceline}", _text(status.getparent(), reference_name)
            if outcome is None and status.text not in {*PENDING, "PART"}:
                raise InputRefused(f"{place}: {name} must be one of {_known('PART')}")
            if (
                outcome is not None
                and said.setdefault(reference, WholeFile(place, reference, outcome)).outcome != outcome
            ):
                raise InputRefused(f"{place}: {name} says something else of the file than GrpSts")
    yield from said.values()


def _known(*more: str) -> str:
    """The statuses that we know."""
    return ", ".join(sorted({*OUTCOMES, *PENDING, *more}))


def _row(transaction: etree._Element) -> ReplyRow | None:
    place = f"line {transaction.sourceline}"
    status = _text(transaction, "TxSts")
    if status in PENDING:
        return None
    if status not in OUTCOMES:
        raise InputRefused(f"{place}: TxSts must be one of {_known()}")
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
