"""Payment files byte for byte, against the standards that they follow, and as laws."""

import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.kernel.errors import InputRefused
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.remittance.forms import DuePayout, PaymentForm, obstacles, plan_files
from services.settlement.payment_files.export import WRITERS
from services.settlement.payment_files.payee_file import read_payees
from services.settlement.payment_files.payment_file import PaymentFile, PaymentOrder
from services.settlement.payment_files.read_reply import read_reply
from services.settlement.payment_files.write_csv import ALIPAY_COLUMNS, BANK_COLUMNS
from tests.kit.payment_orders import MIXED, PAYEES, orders, payout

DATA = Path(__file__).parents[3] / "data"
GOLDEN = DATA / "payment_files"
NAMES = [
    "pay-2026-11-alipay-CNY-1.csv",
    "pay-2026-11-pain.001-CNY-1.xml",
    "pay-2026-11-pain.001-JPY-1.xml",
    "pay-2026-11-wechat-CNY-1.json",
]
PAIN_001 = etree.XMLSchema(etree.fromstring(gzip.decompress((DATA / "pain.001.001.09.xsd.gz").read_bytes())))


def written(order: PaymentOrder) -> bytes:
    return WRITERS[order.plan.form](order)


def test_a_batch_makes_a_file_for_each_rail_and_currency() -> None:
    assert sorted(orders()) == NAMES
    assert sorted(orders(form=PaymentForm.CSV)) == ["pay-2026-11-csv-CNY-1.csv", "pay-2026-11-csv-JPY-1.csv"]


@pytest.mark.parametrize("name", [*NAMES, "pay-2026-11-csv-CNY-1.csv"])
def test_a_file_is_byte_for_byte_what_it_was(name: str) -> None:
    """Banks compare bytes too: a change here is a change for all that ever exports again."""
    order = (orders() | orders(form=PaymentForm.CSV))[name]
    assert written(order) == (GOLDEN / name).read_bytes()


rails = st.sampled_from([("bank", "r1"), ("bank", "r2"), ("bank", "r3"), ("wechat", "w1"), ("alipay", "a1")])
currencies = st.sampled_from(["CNY", "JPY", "KWD", "EUR"])


@st.composite
def batches(draw: st.DrawFn) -> list[DuePayout]:
    """Payouts that can all be exported."""
    found = []
    for number in range(2, 2 + draw(st.integers(1, 12))):
        rail, ref = draw(rails)
        currency = draw(currencies) if rail == "bank" else "CNY"
        found.append(payout(number, rail, ref, draw(st.integers(1, 10**12)), currency))
    return draw(st.permutations(found))


def pain_payments(body: bytes) -> dict[str, Decimal]:
    root = etree.fromstring(body)
    return {
        one.findtext("{*}PmtId/{*}EndToEndId"): Decimal(one.findtext("{*}Amt/{*}InstdAmt"))
        for one in root.iter("{*}CdtTrfTxInf")
    }


@settings(max_examples=40)
@given(batches())
def test_every_payout_stands_in_one_file_with_its_amount_and_totals_equal_the_details(batch: list[DuePayout]) -> None:
    seen: dict[str, str] = {}
    assert list(obstacles(batch, None)) == []
    for order in orders(batch).values():
        body, form = written(order), order.plan.form
        if form is PaymentForm.PAIN_001:
            root = etree.fromstring(body)
            payments = {name: str(amount) for name, amount in pain_payments(body).items()}
            total = sum(map(Decimal, payments.values()))
            assert [Decimal(e.text) for e in root.iter("{*}CtrlSum")] == [total, total]
            assert [int(e.text) for e in root.iter("{*}NbOfTxs")] == [len(payments)] * 2
        elif form is PaymentForm.WECHAT:
            said = json.loads(body)
            details = said["transfer_detail_list"]
            assert said["total_amount"] == sum(one["transfer_amount"] for one in details)
            assert said["total_num"] == len(details)
            payments = {one["out_detail_no"]: decimal_text(one["transfer_amount"], "CNY") for one in details}
        else:
            _, head, _, *rows = csv.reader(io.StringIO(body.decode()))
            payments = {row[0]: row[3] for row in rows}
            assert Decimal(head[3]) == sum(map(Decimal, payments.values()))
            assert int(head[4]) == len(rows)
        assert not seen.keys() & payments.keys()
        seen |= payments
    assert seen == {one.id: decimal_text(one.amount_minor, one.currency) for one in batch}


@settings(max_examples=40)
@given(batches())
def test_pain_001_is_valid_against_its_schema(batch: list[DuePayout]) -> None:
    for order in orders(batch).values():
        if order.plan.form is PaymentForm.PAIN_001:
            PAIN_001.assertValid(etree.fromstring(written(order)))


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=140).map(str.strip)
accounts = st.one_of(st.from_regex(r"[A-Z0-9-]{4,34}", fullmatch=True), st.just("DE89370400440532013000"))
banks = st.one_of(
    st.from_regex(r"[A-Z]{4}(DE|CN|BR)[A-Z2-9][A-Z0-9]([A-Z0-9]{3})?", fullmatch=True),
    st.from_regex(r"[A-Z]{5}:[A-Z0-9]{3,28}", fullmatch=True),
)


@given(names, accounts, banks)
def test_whatever_a_payee_file_may_hold_makes_a_valid_pain_001(name: str, account: str, bank: str) -> None:
    cells = ",".join('"' + cell.replace('"', '""') + '"' for cell in ("r1", "bank", name, account, bank))
    try:
        (payee,) = read_payees(f"ref,rail,name,account,bank\n{cells}\n".encode())
    except InputRefused:
        return
    (order,) = orders([payout(2, "bank", "r1", 2_520)]).values()
    root = etree.fromstring(written(order._replace(payees={"r1": payee})))
    PAIN_001.assertValid(root)
    assert root.findtext(".//{*}Cdtr/{*}Nm") == payee.name


@settings(max_examples=40)
@given(batches())
def test_ids_come_back_in_a_reply_as_they_went_out(batch: list[DuePayout]) -> None:
    """A bank copies what it got: the ids of each file, in a reply of the file's own kind."""
    returned = []
    for order in orders(batch).values():
        body, form = written(order), order.plan.form
        if form is PaymentForm.PAIN_001:
            statuses = "".join(
                f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>"
                for name in pain_payments(body)
            )
            answer = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt>{statuses}'
            answer += "</CstmrPmtStsRpt></Document>"
        elif form is PaymentForm.WECHAT:
            details = json.loads(body)["transfer_detail_list"]
            answer = json.dumps({"transfer_detail_list": [one | {"detail_status": "SUCCESS"} for one in details]})
        else:
            _, _, *rows = body.decode().splitlines()
            answer = rows[0] + ",status\n" + "".join(f"{row},SUCCESS\n" for row in rows[1:])
        returned += [(row.payout, row.amount_minor or 0) for row in read_reply(answer.encode(), None).rows]
    assert {name for name, _ in returned} == {one.id for one in batch}
    known = {one.id: one.amount_minor for one in batch}
    assert all(amount in (0, known[name]) for name, amount in returned)


def test_the_schema_would_notice_a_wrong_file() -> None:
    body = written(orders()["pay-2026-11-pain.001-JPY-1.xml"])
    assert not PAIN_001.validate(etree.fromstring(body.replace(b"NbOfTxs", b"NbOfTx")))
    assert not PAIN_001.validate(etree.fromstring(body.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX")))


@settings(max_examples=40)
@given(batches(), st.randoms())
def test_the_order_of_rows_changes_no_byte(batch: list[DuePayout], chance) -> None:
    before = {name: written(order) for name, order in orders(batch).items()}
    chance.shuffle(batch)
    assert {name: written(order) for name, order in orders(batch).items()} == before


def test_a_batch_over_a_forms_limit_becomes_several_files() -> None:
    many = [payout(number, "wechat", "w1", number) for number in range(2, 6_003)]
    plans = plan_files("b", many, None)
    assert [(plan.number, len(plan.payouts)) for plan in plans] == [(1, 3_000), (2, 3_000), (3, 1)]
    assert len({plan.reference for plan in plans}) == 3
    assert sum(plan.amount_minor for plan in plans) == sum(range(2, 6_003))


def test_what_no_file_can_carry_is_said_of_each_payout() -> None:
    bad = [payout(2, "wechat", "w1", 1, "USD"), payout(3, "shells", "r1", 1), payout(4, "alipay", "a1", 1, "JPY")]
    assert list(obstacles([*MIXED, *bad], None)) == [
        f"{bad[0].id}: wechat pays CNY only, not USD", f"{bad[1].id}: no file form pays by shells",
        f"{bad[2].id}: alipay pays CNY only, not JPY",
    ]  # fmt: skip
    assert list(obstacles([*MIXED, *bad], PaymentForm.PAIN_001)) == []
    assert len(list(obstacles(bad, PaymentForm.WECHAT))) == 1


def test_references_fit_where_they_go() -> None:
    for plan in plan_files("b" * 128, MIXED, None):
        assert len(plan.reference) == 26
        assert plan.reference.isalnum()


def test_bank_csv_has_a_row_a_payment_and_runs_no_formula() -> None:
    body = written(orders(form=PaymentForm.CSV)["pay-2026-11-csv-CNY-1.csv"]).decode()
    header, *rows = csv.reader(io.StringIO(body))
    assert tuple(header) == BANK_COLUMNS
    assert [row[1] for row in rows] == ["李娜", "Zoë & <Co>", "'=HYPERLINK(1)"]
    assert {row[6] for row in rows} == {"2026-12-01"}, "17:30 UTC is the next day in Shanghai"


def test_an_alipay_file_defuses_names_and_keeps_phone_numbers() -> None:
    body = written(orders()["pay-2026-11-alipay-CNY-1.csv"]).decode()
    rows = list(csv.reader(io.StringIO(body)))
    assert tuple(rows[2]) == ALIPAY_COLUMNS
    assert [row[1:4] for row in rows[3:]] == [
        ["ana@example.com", "'@Ana \"A\", Souza", "3.60"], ["+8613800000000", "张敏", "20000.00"],
    ]  # fmt: skip


@pytest.mark.parametrize("what", [*PAYEES.values(), PaymentFile(orders()[NAMES[1]].plan, b"secret")])
def test_nothing_that_holds_names_shows_them_when_it_is_printed(what: object) -> None:
    for said in (repr(what), str(what), f"{what!r:>9}", repr([what]), repr({"a": what})):
        for payee in PAYEES.values():
            assert payee.name not in said
            assert payee.account not in said
        assert "secret" not in said
