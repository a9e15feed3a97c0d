"""docs/payment-files.md says what the code does: its examples are files that an export writes, or that we read."""

import re
from pathlib import Path

import pytest

from services.runtime.settings import Settings, variable_of
from services.settlement.domain.remittance.forms import RULES, PaymentForm
from services.settlement.domain.remittance.payee_accounts import PayerDetails
from services.settlement.payment_files.payee_file import COLUMNS, read_payees
from services.settlement.payment_files.read_reply import read_reply
from services.settlement.payment_files.read_reply_csv import ALIPAY_OUTCOMES, ALIPAY_PENDING
from services.settlement.payment_files.read_reply_pain002 import OUTCOMES, PENDING
from services.settlement.payment_files.read_reply_wechat import OUTCOMES as WECHAT_OUTCOMES
from services.settlement.payment_files.read_reply_wechat import PENDING as WECHAT_PENDING
from tests.kit.pages import json_of, rows_of, section_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/payment-files.md").read_text()
GOLDEN = ROOT / "tests/data/payment_files"


def example(name: str) -> str:
    (block,) = re.findall(rf"^```csv {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_payee_file_of_the_page_is_taken() -> None:
    payees = read_payees(example("payees.csv").encode())
    assert [payee.rail for payee in payees] == ["bank", "bank", "wechat", "alipay"]
    columns = [row[0] for row in rows_of(section_of(PAGE, "Payees: `koc payee import FILE.csv`"), "column")]
    assert [column for column in columns if column] == list(COLUMNS)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bank.csv", "pay-2026-11-csv-CNY-1.csv"),
        ("alipay.csv", "pay-2026-11-alipay-CNY-1.csv"),
        ("reply.csv", "reply.csv"),
    ],
)
def test_the_tables_of_the_page_are_files_as_they_are_written_or_read(name: str, file: str) -> None:
    assert (GOLDEN / file).read_text().startswith(example(name))


def test_the_wechat_batch_of_the_page_is_one_that_is_written() -> None:
    assert json_of(PAGE) == (GOLDEN / "pay-2026-11-wechat-CNY-1.json").read_text()


def test_the_reply_of_the_page_is_read() -> None:
    assert len(read_reply(example("reply.csv").encode(), None).rows) == 3


def test_the_page_lists_forms_and_limits_as_they_are() -> None:
    rows = rows_of(section_of(PAGE, "Export: `koc payout export BATCH`"), "rail")
    said = {
        row[1].split("`")[1]: (row[0], int(row[4].replace(",", "")), row[2].rpartition(".")[2].strip("`"))
        for row in rows
    }
    assert said == {form.value: (rule.rail, rule.most, rule.suffix) for form, rule in RULES.items()}
    assert {row[3].split(",")[0] for row in rows} == {"any", "CNY"}


def test_the_page_names_every_setting_of_the_payer() -> None:
    rows = rows_of(PAGE, "setting")
    said = {row[0].strip("`"): row[2].strip("`") for row in rows}
    assert said == {
        variable_of(f"payer_{name}"): next(form for form in PaymentForm if name in RULES[form].payer)
        for name in PayerDetails._fields
    }
    assert {name.removeprefix("KOC_").lower() for name in said} <= set(Settings.model_fields)


def test_the_page_says_every_status_of_every_reply() -> None:
    replies = section_of(PAGE, "Replies: `koc payout reply FILE`")
    rows = {status: row[1] for row in rows_of(replies, "TxSts") for status in row[0].split(", ")}
    assert {status: word for status, word in rows.items() if word in set(OUTCOMES.values())} == OUTCOMES
    assert {status for status, word in rows.items() if word == "still under way: no row"} == PENDING
    others = replies.partition("### WeChat Pay")[2]
    assert set(re.findall(r"`([A-Z_]{4,})`", others)) == {
        *ALIPAY_OUTCOMES, *ALIPAY_PENDING, *WECHAT_OUTCOMES, *WECHAT_PENDING,
    }  # fmt: skip
