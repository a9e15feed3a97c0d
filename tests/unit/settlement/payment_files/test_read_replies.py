"""Replies of banks become rows; a broken one says which line, and repeats nothing that stands there."""

import gzip
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from services.kernel.errors import InputRefused
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.read_reply import ReplyForm, read_reply
from services.settlement.payment_files.reply_rows import WholeFile

DATA = Path(__file__).parents[3] / "data"
CONFIRMED, REJECTED, RETURNED = PayoutOutcome.CONFIRMED, PayoutOutcome.REJECTED, PayoutOutcome.RETURNED
PAIN_002 = (DATA / "payment_files" / "reply-pain.002.xml").read_bytes()
NS = "urn:iso:std:iso:20022:tech:xsd:pain.002.001."


def name(number: int) -> str:
    return f"PAYOUT{'A' * 19}{number}"


REPLIES = {
    "reply-pain.002.xml": (
        ReplyForm.PAIN_002, 1,
        [ReplyRow(name(2), CONFIRMED, 2520, "CNY", "BANK-REF-1", 50), ReplyRow(name(3), REJECTED, None, None, None, 0)],
    ),
    "reply-wechat.json": (
        ReplyForm.WECHAT, 1,
        [
            ReplyRow(name(5), CONFIRMED, 720, "CNY", "1040000071100999991182020050700019480001", 0),
            ReplyRow(name(6), REJECTED, None, None, "1040000071100999991182020050700019480002", 0),
        ],
    ),
    "reply-alipay.csv": (
        ReplyForm.ALIPAY, 1,
        [
            ReplyRow(name(6), CONFIRMED, 360, "CNY", "20261202110070000006310000000001", 10),
            ReplyRow(name(7), REJECTED, 2_000_000, "CNY", "20261202110070000006310000000002", 0),
            ReplyRow(name(9), RETURNED, 100, "CNY", "20261202110070000006310000000004", 0),
        ],
    ),
    "reply.csv": (
        ReplyForm.CSV, 0,
        [
            ReplyRow(name(2), CONFIRMED, 2520, "CNY", "B-1", 50),
            ReplyRow(name(3), REJECTED, None, None, None, 0),
            ReplyRow(name(2), RETURNED, 2520, "CNY", "B-2", 0),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", REPLIES)
def test_a_reply_is_read_by_what_it_begins_with(file: str) -> None:
    form, pending, rows = REPLIES[file]
    raw = (DATA / "payment_files" / file).read_bytes()
    for given_form in (None, form):
        reply = read_reply(raw, given_form)
        assert (reply.form, reply.pending, reply.rows) == (form, pending, rows)
    assert read_reply(b"\xef\xbb\xbf" + raw, None).rows == rows
    if form is not ReplyForm.PAIN_002:
        assert read_reply(b"\r\n " + raw, None).rows == rows


def test_our_example_of_pain_002_is_valid_against_its_schema() -> None:
    schema = etree.XMLSchema(etree.fromstring(gzip.decompress((DATA / "pain.002.001.12.xsd.gz").read_bytes())))
    schema.assertValid(etree.fromstring(PAIN_002))


@pytest.mark.parametrize("version", ["03", "10", "14"])
def test_other_versions_of_pain_002_read_alike(version: str) -> None:
    raw = PAIN_002.replace(NS.encode() + b"12", NS.encode() + version.encode())
    assert read_reply(raw, None).rows == REPLIES["reply-pain.002.xml"][2]


HEAD = b"payout,outcome,amount,currency,bank_ref,fee\n"
ALIPAY = b"out_biz_no,status,trans_amount\n"
BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
<!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;"><!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt>%s</CstmrPmtStsRpt></Document>"""
OUTSIDE = (
    b'<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt/></Document>'
)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "line 1: the file is empty: its first line names the columns payout, outcome"),
        (b"\n\n", "line 1: the file is empty"),
        (
            b"payout,amount\nx,1\n",
            "line 1: the columns must be payout, outcome, and maybe amount, bank_ref, currency, fee",
        ),
        (b"payout,outcome,outcome\n", "line 1: the columns must be"),
        (b"payout,outcome,name\nx,confirmed,Li Na\n", "line 1: the columns must be"),
        (HEAD + b"x,confirmed\n", "line 2: 2 cells instead of 6"),
        (HEAD + b"x,paid,,,,\n", "line 2: the outcome must be confirmed, rejected, returned"),
        (HEAD + b"x,confirmed,,,,\n\n,confirmed,,,,\n", "line 4: the payout's id must be"),
        (HEAD + "李娜,confirmed,,,,\n".encode(), "line 2: the payout's id must be 1 to 64 visible ASCII characters"),
        (HEAD + b"x,confirmed,25.20,,,\n", "line 2: an amount needs a currency"),
        (HEAD + b"x,confirmed,,,,0.50\n", "line 2: an amount needs a currency"),
        (HEAD + b"x,confirmed,25.20,RMB,,\n", "line 2: the currency must be an ISO 4217 code"),
        (HEAD + b"x,confirmed,25.201,CNY,,\n", "line 2: an amount has more decimals than CNY has"),
        (HEAD + b"x,confirmed,25.2,JPY,,\n", "line 2: an amount has more decimals than JPY has"),
        (HEAD + b"x,confirmed,-25.20,CNY,,\n", "line 2: an amount must be digits with a point, as 25.20"),
        (HEAD + b"x,confirmed,1e3,CNY,,\n", "line 2: an amount must be digits"),
        (HEAD + b'x,confirmed,"1,000.00",CNY,,\n', "line 2: an amount must be digits"),
        (HEAD + b"x,confirmed,99999999999999,CNY,,\n", "line 2: an amount has more decimals than CNY has, or is over"),
        (HEAD + b"x,confirmed,,," + b"r" * 65 + b",\n", "line 2: the bank's reference must be at most 64"),
        (HEAD + b'x,"confirmed,,,,\n', "line 2: this is no CSV"),
        (HEAD + b"x,confirmed,,,,\ny,\xff,,,,\n", "line 3: the file is not UTF-8"),
        (ALIPAY + b"x,PAID,1\n", "line 2: the status must be one of CLOSED, DEALING, FAIL, INIT, REFUND, SUCCESS"),
        (b"out_biz_no,state\nx,SUCCESS\n", "line 1: the columns must be out_biz_no, status, each once"),
        (b'{"transfer_detail_list": [\n{"out_detail_no" "x"}]}', "line 2: this is no JSON"),
        (b"{}", "line 1: the reply has no list transfer_detail_list"),
        (b'{"transfer_detail_list": [1]}', "transfer_detail_list, number 1: a detail must be an object"),
        (b'{"transfer_detail_list": [{"detail_status": "PAID"}]}', "transfer_detail_list, number 1: the detail_status"),
        (
            b'{"transfer_detail_list": [{"detail_status": "FAIL", "out_detail_no": 5}]}',
            "transfer_detail_list, number 1",
        ),
        (
            b'{"transfer_detail_list": [{"detail_status": "FAIL", "out_detail_no": "x", "transfer_amount": 1.5}]}',
            "transfer_detail_list, number 1: the transfer_amount must be a whole number of fen",
        ),
        (b'{"a":' + b"[" * 100_000, "line 1: the JSON is nested too deeply"),
        (b"<a>\n<b></a>", "line 2: this is no XML that we read"),
        (b"<Document/>", "line 1: this is no pain.002: its namespace is another one"),
        (PAIN_002.replace(b"CstmrPmtStsRpt", b"Other"), "line 2: this is no pain.002: it has no CstmrPmtStsRpt"),
        (PAIN_002.replace(b"ACSC", b"PAID"), "line 15: TxSts must be one of ACCC, ACCP"),
        (PAIN_002.replace(b'Ccy="CNY">0.5', b'Ccy="USD">0.5'), "line 15: several charges, or one in another currency"),
        (
            PAIN_002.replace(b"<OrgnlEndToEndId>PAYOUTAAAAAAAAAAAAAAAAAAA3", b"<OrgnlEndToEndId>"),
            "line 34: the payout's",
        ),
        (BOMB % b"&h;", "line "),
        (BOMB % b'<GrpHdr a="&h;"/>', "line "),
        (BOMB % b"", "line 1: the file declares a document type"),
        (OUTSIDE, "line 1: the file declares a document type"),
    ],
)
def test_a_broken_reply_says_the_line_and_what_must_stand_there(raw: bytes, sentence: str) -> None:
    began = time.monotonic()
    with pytest.raises(InputRefused) as refused:
        read_reply(raw, None)
    assert str(refused.value).startswith(sentence)
    assert "Li Na" not in str(refused.value)
    assert time.monotonic() - began < 20


WHOLE = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>
<OrgnlMsgId>FILE</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>%s</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>FILE</OrgnlPmtInfId>
<PmtInfSts>%s</PmtInfSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""


def test_a_status_of_a_whole_file_is_said_once_unless_it_is_pending() -> None:
    reply = read_reply(WHOLE % (b"RJCT", b"RJCT"), None)
    assert (reply.rows, list(reply.files)) == ([], [WholeFile("line 3", "FILE", REJECTED)])
    assert list(read_reply(WHOLE % (b"PART", b"ACSC"), None).files) == [WholeFile("line 4", "FILE", CONFIRMED)]
    assert list(read_reply(WHOLE % (b"ACTC", b"PDNG"), None).files) == []


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        ((b"RJCT", b"ACSC"), "line 4: PmtInfSts says something else of the file than GrpSts"),
        ((b"GONE", b"ACSC"), "line 3: GrpSts must be one of ACCC, ACCP, ACFC, ACSC, ACSP"),
    ],
)
def test_a_senseless_status_of_a_whole_file_is_refused(statuses: tuple[bytes, bytes], sentence: str) -> None:
    assert sentence_of(WHOLE % statuses, None).startswith(sentence)


def sentence_of(raw: bytes, form: ReplyForm | None) -> str:
    """Why a reply is refused; empty where it is read."""
    try:
        read_reply(raw, form)
    except InputRefused as refused:
        return str(refused)
    return ""


@given(st.binary(max_size=300), st.sampled_from([None, *ReplyForm]))
def test_any_bytes_are_read_or_refused_with_a_sentence(raw: bytes, form: ReplyForm | None) -> None:
    assert sentence_of(raw, form) != "" or read_reply(raw, form).rows == []


@given(st.text(max_size=200), st.sampled_from([HEAD.decode(), ALIPAY.decode()]))
def test_any_text_below_a_header_is_read_or_refused_with_its_line(text: str, header: str) -> None:
    sentence = sentence_of((header + text).encode("utf-8", "replace"), None)
    assert sentence == "" or sentence.startswith("line ")
