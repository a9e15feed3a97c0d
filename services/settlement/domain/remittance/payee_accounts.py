"""Payees: whom a payment file names. A row never changes; another bank account is another ref."""

from typing import NamedTuple


class PayeeAccount(NamedTuple):
    """A row of the payee file. `repr` shows neither name nor number, so that no log or traceback can.

    Attributes:
        ref: the token that payee.set names.
        rail: bank, wechat or alipay.
        name: of the account's owner.
        account: IBAN or account number; openid; Alipay account.
        bank: BIC, or CLEARING:MEMBER such as CNAPS:102100099996; None for wechat and alipay.
    """

    ref: str
    rail: str
    name: str
    account: str
    bank: str | None

    def __repr__(self) -> str:
        """Ref and rail."""
        return f"PayeeAccount(ref={self.ref!r}, rail={self.rail!r})"


class PayerDetails(NamedTuple):
    """Who pays, as payment files name us. All of it comes from settings."""

    name: str
    account: str
    bank: str
    wechat_appid: str
    alipay_account: str
