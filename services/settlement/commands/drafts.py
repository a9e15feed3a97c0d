"""What a person typed, as a command: its amounts, names and reason checked, its id made where none is given."""

import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.currencies import CURRENCIES
from schemas.fields import IDENTIFIER_PATTERN, MAX_AMOUNT_MINOR, MAX_REASON_LENGTH, TEXT_PATTERN, WORD_PATTERN
from services.kernel.errors import InputRefused, InvariantBroken
from services.kernel.sentences import Sentence
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import (
    BESIDE_RUNS,
    CommandDraft,
    CommandKind,
    JsonObject,
    canonical_json,
)
from services.settlement.domain.book.currencies import decimal_text, minor_amount

_DIGEST_LETTERS = 10


class Money(NamedTuple):
    """An amount of a currency, in minor units."""

    minor: int
    currency: str

    def __str__(self) -> str:
        """With all decimals, for a person."""
        return f"{decimal_text(self.minor, self.currency)} {self.currency}"


def read_money(amount: str, currency: str) -> Money:
    """A positive amount.

    Raises:
        InputRefused: it is not written with the currency's decimals, not positive, or over 10^12.
    """
    money = read_signed_money(amount, currency)
    if money.minor <= 0:
        raise InputRefused(f"{money} is no amount: it must be positive")
    return money


def read_signed_money(amount: str, currency: str) -> Money:
    """An amount that is not zero.

    Raises:
        InputRefused: it is none.
    """
    if currency not in CURRENCIES:
        raise InputRefused(f"{currency!r} is no currency: name it by its ISO 4217 code, such as CNY")
    try:
        money = Money(minor_amount(amount, currency), currency)
    except ValueError as problem:
        raise InputRefused(str(problem)) from None
    if not 0 < abs(money.minor) <= MAX_AMOUNT_MINOR:
        raise InputRefused(f"{money} is no amount: it must not be zero, and at most {MAX_AMOUNT_MINOR} minor units")
    return money


def check_party(party: str) -> str:
    """A party as accounts name it.

    Raises:
        InputRefused: it is none.
    """
    role, _, name = party.partition(":")
    if (
        not re.match(WORD_PATTERN, role)
        or not re.match(IDENTIFIER_PATTERN, name)
        or not _is_account(chart.payable(party))
    ):
        raise InputRefused(f"{party!r} names no party: write ROLE:ID, such as koc:k_7")
    return party


def check_account(account: str) -> str:
    """An account that the chart of accounts knows.

    Raises:
        InputRefused: it is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~=+@:-]{3,300}", account) or not _is_account(account):
        raise InputRefused(f"{account!r} is no account: docs/finance.md lists the accounts that there are")
    return account


def _is_account(account: str) -> bool:
    try:
        chart.nature(account)
    except InvariantBroken:
        return False
    return True


def check_identifier(what: str, name: str, pattern: str = IDENTIFIER_PATTERN) -> str:
    """A name as the contract writes it.

    Raises:
        InputRefused: it is none.
    """
    if not re.match(pattern, name):
        raise InputRefused(f"{name!r} is no name of a {what}: names look like {pattern}")
    return name


def make_draft(kind: CommandKind, reason: str, body: JsonObject, command_id: str | None) -> CommandDraft:
    """A command to be.

    Without an id it gets one of its kind, today's date and its contents: the same command of one day is the same. A
    line may be frozen twice a day, and severing must not name its buyer: ids of such commands are by chance.

    Raises:
        InputRefused: the id or the reason is not as it must be.
    """
    if not re.match(TEXT_PATTERN, reason) or not 0 < len(reason) <= MAX_REASON_LENGTH:
        raise InputRefused(Sentence("a reason is 1 to {most} characters on one line", most=MAX_REASON_LENGTH))
    if command_id is None:
        command_id = _default_id(kind, body)
    return CommandDraft(check_identifier("command", command_id), kind, reason, body)


def _default_id(kind: CommandKind, body: JsonObject) -> str:
    digest = hashlib.sha256(canonical_json(body).encode()).hexdigest()
    is_by_chance = kind in BESIDE_RUNS or kind == CommandKind.BUYER_SEVERED
    last = secrets.token_hex(_DIGEST_LETTERS // 2) if is_by_chance else digest[:_DIGEST_LETTERS]
    return f"{kind.replace('.', '-').replace('_', '-')}-{datetime.now(UTC):%Y-%m-%d}-{last}"
