"""Who pays, as payment files name us: from settings, with stand-ins outside production."""

from collections.abc import Collection

from services.kernel.errors import StartRefused
from services.kernel.sentences import Sentence
from services.runtime.settings import settings, variable_of
from services.settlement.domain.remittance.forms import RULES, PaymentForm
from services.settlement.domain.remittance.payee_accounts import PayerDetails
from services.settlement.payment_files.payee_file import bank_problem

_LOCAL = PayerDetails(
    "KOC Commerce (local)", "DE89370400440532013000", "COBADEFFXXX", "wx0000000000000000", "2088000000"
)
"""No such payer exists: the account is the example of ISO 13616."""


def payer_details(forms: Collection[PaymentForm]) -> PayerDetails:
    """Our name and accounts; empty where nothing is set and files of these forms do not say it.

    Raises:
        StartRefused: in production nothing is set that such a file says, or account or bank are none.
    """
    known, said = settings(), {name for form in forms for name in RULES[form].payer}
    payer = PayerDetails(*(getattr(known, f"payer_{name}") or "" for name in PayerDetails._fields))
    if known.environment != "production":
        payer = PayerDetails(*(mine or theirs for mine, theirs in zip(payer, _LOCAL, strict=True)))
    unset = [variable_of(f"payer_{name}") for name, value in payer._asdict().items() if name in said and not value]
    if unset:
        raise StartRefused(
            Sentence(
                "nothing was exported: the files say who pays, so set {settings}, and start this process again",
                settings=", ".join(unset),
            )
        )
    if "account" in said and (problem := bank_problem(payer.account, payer.bank)):
        raise StartRefused(
            Sentence("nothing was exported: KOC_PAYER_ACCOUNT or KOC_PAYER_BANK is wrong, {problem}", problem=problem)
        )
    return payer
