"""Who pays, as payment files name us: from settings, with stand-ins outside production."""

from services.kernel.errors import StartRefused
from services.runtime.settings import settings
from services.settlement.domain.remittance.payee_accounts import PayerDetails
from services.settlement.payment_files.payee_file import bank_problem

_LOCAL = PayerDetails(
    "KOC Commerce (local)", "DE89370400440532013000", "COBADEFFXXX", "wx0000000000000000", "2088000000"
)
"""No such payer exists: the account is the example of ISO 13616."""


def payer_details() -> PayerDetails:
    """Our name and accounts.

    Raises:
        StartRefused: in production one of them is not set, or account or bank are none.
    """
    known = settings()
    said = PayerDetails(*(getattr(known, f"payer_{name}") or "" for name in PayerDetails._fields))
    unset = [f"KOC_PAYER_{name.upper()}" for name, value in said._asdict().items() if not value]
    if unset and known.environment == "production":
        raise StartRefused(f"payment files name the payer: set {', '.join(unset)}")
    payer = PayerDetails(*(mine or theirs for mine, theirs in zip(said, _LOCAL, strict=True)))
    if problem := bank_problem(payer.account, payer.bank):
        raise StartRefused(f"KOC_PAYER_ACCOUNT and KOC_PAYER_BANK: {problem}")
    return payer
