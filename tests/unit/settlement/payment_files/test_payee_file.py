"""The payee file is checked row by row, and no sentence repeats a name or a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import InputRefused
from services.settlement.payment_files.payee_file import read_payees

HEAD = "ref,rail,name,account,bank\n"
GOOD = [
    ("r1,bank,李娜,DE89 3704 0044 0532 0130 00,COBADEFFXXX", "DE89370400440532013000"),
    ("r1,bank,Li Na,6222020200112233445,CNAPS:102100099996", "6222020200112233445"),
    ("r1,bank,Souza,12345-6,BRASBRRJ", "12345-6"),
    ("r1,wechat,王伟,o-MYE42l80oelYMDE34nYD456Xoy,", "o-MYE42l80oelYMDE34nYD456Xoy"),
    ("r1,alipay,张敏,+8613800000000,", "+8613800000000"),
    ("r1,alipay,张敏,2088123456789012,", "2088123456789012"),
    ("r1,alipay,张敏,zhang.min@example.com,", "zhang.min@example.com"),
]


@pytest.mark.parametrize(("line", "account"), GOOD)
def test_a_row_is_taken(line: str, account: str) -> None:
    (payee,) = read_payees((HEAD + line + "\n").encode())
    assert payee.account == account
    assert payee.bank == (line.rpartition(",")[2] or None)


BAD = [
    ("", "line 1: the columns must be ref, rail, name, account, bank, each once", "ref,rail\n"),
    ("r 1,bank,Secret,DE89370400440532013000,COBADEFF", "line 2: the ref must be 1 to 128 letters", HEAD),
    (",bank,Secret,DE89370400440532013000,COBADEFF", "line 2: the ref must be", HEAD),
    ("r1,shells,Secret,12345,COBADEFF", "line 2: the rail must be bank, wechat, alipay", HEAD),
    ("r1,bank,,DE89370400440532013000,COBADEFF", "line 2: the name must have 1 to 140 characters", HEAD),
    (f"r1,bank,{'S' * 141},DE89370400440532013000,COBADEFF", "line 2: the name must have 1 to 140 characters", HEAD),
    ("r1,bank,Secret\x07,DE89370400440532013000,COBADEFF", "line 2: a cell has control characters", HEAD),
    ('r1,bank,"Sec\nret",DE89370400440532013000,COBADEFF', "line 3: a cell has control characters", HEAD),
    ("r1,bank,Secret\ufffe,DE89370400440532013000,COBADEFF", "line 2: a cell has control characters", HEAD),
    ("r1,bank,Secret\u202e,DE89370400440532013000,COBADEFF", "line 2: a cell has control characters", HEAD),
    ("r1,bank,Secret,DE89370400440532013001,COBADEFF", "line 2: the account looks like an IBAN", HEAD),
    ("r1,bank,Secret,XX89370400440532013000,COBADEFF", "line 2: the account looks like an IBAN", HEAD),
    ("r1,bank,Secret,123,COBADEFF", "line 2: the account must be an IBAN, or 4 to 34", HEAD),
    ("r1,bank,Secret,=1+1+1,COBADEFF", "line 2: the account must be an IBAN, or 4 to 34", HEAD),
    ("r1,bank,Secret,DE89370400440532013000,", "line 2: the bank must be a BIC, or a clearing code", HEAD),
    ("r1,bank,Secret,DE89370400440532013000,COBADE", "line 2: the bank must be a BIC", HEAD),
    ("r1,bank,Secret,DE89370400440532013000,cobadeff", "line 2: the bank must be a BIC", HEAD),
    ("r1,wechat,Secret,o-abcdefg,COBADEFF", "line 2: the bank must be empty: wechat needs none", HEAD),
    ("r1,wechat,Secret,o#123456,", "line 2: the account must be an openid", HEAD),
    ("r1,alipay,Secret,nobody,", "line 2: the account must be an Alipay account", HEAD),
    (
        "r1,wechat,Secret,o-abcdefg,\nr1,wechat,Other,o-abcdefg,",
        "line 3: line 2 says something else of the ref r1",
        HEAD,
    ),
    ("r1,wechat,Secret", "line 2: 3 cells instead of 5", HEAD),
]


@pytest.mark.parametrize(("line", "sentence", "head"), BAD)
def test_a_broken_row_says_its_line_and_reason_and_no_value(line: str, sentence: str, head: str) -> None:
    with pytest.raises(InputRefused) as refused:
        read_payees((head + line + "\n").encode())
    assert str(refused.value).startswith(sentence)
    for private in ("Secret", "Other", "3704004405", "o-abc", "S" * 20):
        assert private not in str(refused.value)


def test_the_same_row_twice_is_one_payee() -> None:
    line = GOOD[3][0] + "\n"
    assert len(read_payees((HEAD + line + line).encode())) == 1


def sentence_of(raw: bytes) -> str:
    """Why a file is refused; empty where it is read."""
    try:
        read_payees(raw)
    except InputRefused as refused:
        return str(refused)
    return ""


@given(st.lists(st.text(min_size=4, max_size=12), min_size=5, max_size=5))
def test_cells_of_any_text_are_refused_with_the_line_and_without_being_repeated(cells: list[str]) -> None:
    raw = (HEAD + ",".join(f'"{cell.replace(chr(34), "")}"' for cell in cells) + "\n").encode("utf-8", "replace")
    sentence = sentence_of(raw)
    assert sentence.startswith("line ")
    assert not any(cell in sentence for cell in cells if not cell.isascii())
