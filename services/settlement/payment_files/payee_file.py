"""The payee file: a CSV of names and account numbers, checked row by row. No sentence repeats what a cell says."""

import re

from stdnum import bic, iban

from schemas.fields import IDENTIFIER_PATTERN
from services.kernel.errors import InputRefused
from services.kernel.sentences import Sentence
from services.settlement.domain.remittance.forms import FORM_OF_RAIL
from services.settlement.domain.remittance.payee_accounts import PayeeAccount
from services.settlement.payment_files.csv_table import read_table

COLUMNS = ("ref", "rail", "name", "account", "bank")
MAX_NAME = 140
"""Characters of a name in ISO 20022."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters, line separators, and signs that turn the direction of writing."""
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_LOCAL_ACCOUNT = re.compile(r"[A-Z0-9-]{4,34}", re.ASCII)
_CLEARING = re.compile(r"[A-Z]{5}:[A-Z0-9]{3,28}", re.ASCII)
_OPENID = re.compile(r"[A-Za-z0-9_-]{6,128}", re.ASCII)
_ALIPAY = re.compile(r"\+?[0-9]{6,20}|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,64}", re.ASCII)


def read_payees(raw: bytes) -> list[PayeeAccount]:
    """All rows of a payee file.

    Raises:
        InputRefused: the file is broken; names the line and the reason.
    """
    payees: dict[str, PayeeAccount] = {}
    lines: dict[str, int] = {}
    for line, cells in read_table(raw, COLUMNS):
        payee = PayeeAccount(
            cells["ref"], cells["rail"], cells["name"], cells["account"].replace(" ", ""), cells["bank"] or None
        )
        if problem := _problem(payee):
            raise InputRefused(f"line {line}: {problem}")
        if payees.setdefault(payee.ref, payee) != payee:
            raise InputRefused(f"line {line}: line {lines[payee.ref]} says something else of the ref {payee.ref}")
        lines.setdefault(payee.ref, line)
    return list(payees.values())


def _problem(payee: PayeeAccount) -> str | None:
    """What is wrong with a row."""
    if not re.match(IDENTIFIER_PATTERN, payee.ref):
        return "the ref must be 1 to 128 letters, digits or signs of ._~=+@:-"
    if payee.rail not in FORM_OF_RAIL:
        return f"the rail must be {', '.join(FORM_OF_RAIL)}"
    if any(map(_CONTROL.search, (payee.name, payee.account, payee.bank or ""))):
        return "a cell has control characters"
    if not 0 < len(payee.name) <= MAX_NAME:
        return f"the name must have 1 to {MAX_NAME} characters"
    return _account_problem(payee)


def _account_problem(payee: PayeeAccount) -> str | None:
    if payee.rail == "bank":
        return bank_problem(payee.account, payee.bank or "")
    if payee.bank is not None:
        return f"the bank must be empty: {payee.rail} needs none"
    if payee.rail == "wechat":
        return None if _OPENID.fullmatch(payee.account) else "the account must be an openid"
    return None if _ALIPAY.fullmatch(payee.account) else "the account must be an Alipay account: mail, phone or user id"


def bank_problem(account: str, bank: str) -> str | None:
    """What is wrong with a bank account: an IBAN or a local number, and a BIC or a clearing code. None = nothing."""
    if _IBAN.fullmatch(account):
        if not iban.is_valid(account):
            return Sentence("the account looks like an IBAN, and its check digits, length or country are wrong")
    elif not _LOCAL_ACCOUNT.fullmatch(account):
        return Sentence("the account must be an IBAN, or 4 to 34 capital letters, digits and hyphens")
    if not (_CLEARING.fullmatch(bank) or (bank == bank.upper() and bic.is_valid(bank))):
        return Sentence("the bank must be a BIC, or a clearing code such as CNAPS:102100099996")
    return None
