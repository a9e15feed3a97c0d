"""Payments as ISO 20022 pain.001.001.09: one payment instruction, a transaction a payout.

EndToEndId is the payout's id: the bank gives it back in its replies. We bear the charges, so that the party gets the
whole amount.
"""

from decimal import Decimal

from pyiso20022.pain import pain_001_001_09 as pain
from stdnum import iban
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

from services.kernel.time import to_datetime
from services.settlement.domain.remittance.forms import DuePayout
from services.settlement.domain.remittance.payee_accounts import PayeeAccount
from services.settlement.payment_files.payment_file import REMARK, PaymentOrder
from services.settlement.payment_files.write_csv import day_of

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


def write_pain001(order: PaymentOrder) -> bytes:
    """The message, UTF-8."""
    initiation = pain.CustomerCreditTransferInitiationV09(grp_hdr=_header(order), pmt_inf=[_instruction(order)])
    document = pain.Document(cstmr_cdt_trf_initn=initiation)
    serializer = XmlSerializer(config=SerializerConfig(indent=" "))
    return serializer.render(document, ns_map={None: _NAMESPACE}).encode()


def _header(order: PaymentOrder) -> pain.GroupHeader85:
    moment = to_datetime(order.approved_at)
    return pain.GroupHeader85(
        msg_id=order.plan.reference,
        cre_dt_tm=XmlDateTime(*moment.timetuple()[:6], 0, 0),
        nb_of_txs=str(len(order.plan.payouts)),
        ctrl_sum=Decimal(order.total),
        initg_pty=_party(order.payer.name),
    )


def _instruction(order: PaymentOrder) -> pain.PaymentInstruction30:
    payer, day = order.payer, day_of(order)
    return pain.PaymentInstruction30(
        pmt_inf_id=order.plan.reference,
        pmt_mtd=pain.PaymentMethod3Code.TRF,
        nb_of_txs=str(len(order.plan.payouts)),
        ctrl_sum=Decimal(order.total),
        reqd_exctn_dt=pain.DateAndDateTime2Choice(dt=XmlDate(day.year, day.month, day.day)),
        dbtr=_party(payer.name),
        dbtr_acct=_account(payer.account),
        dbtr_agt=_agent(payer.bank),
        chrg_br=pain.ChargeBearerType1Code.DEBT,
        cdt_trf_tx_inf=[_transaction(order, payout, payee) for payout, payee in order.payments()],
    )


def _transaction(order: PaymentOrder, payout: DuePayout, payee: PayeeAccount) -> pain.CreditTransferTransaction34:
    amount = pain.ActiveOrHistoricCurrencyAndAmount(value=Decimal(order.amount(payout)), ccy=payout.currency)
    return pain.CreditTransferTransaction34(
        pmt_id=pain.PaymentIdentification6(instr_id=payout.id, end_to_end_id=payout.id),
        amt=pain.AmountType4Choice(instd_amt=amount),
        cdtr_agt=_agent(payee.bank or ""),
        cdtr=_party(payee.name),
        cdtr_acct=_account(payee.account),
        rmt_inf=pain.RemittanceInformation16(ustrd=[f"{REMARK} {payout.id}"]),
    )


def _party(name: str) -> pain.PartyIdentification135:
    return pain.PartyIdentification135(nm=name)


def _account(number: str) -> pain.CashAccount38:
    if iban.is_valid(number):
        return pain.CashAccount38(id=pain.AccountIdentification4Choice(iban=number))
    other = pain.GenericAccountIdentification1(id=number)
    return pain.CashAccount38(id=pain.AccountIdentification4Choice(othr=other))


def _agent(bank: str) -> pain.BranchAndFinancialInstitutionIdentification6:
    """A bank by its BIC, or by the code of a clearing system and its member's number."""
    system, colon, member = bank.partition(":")
    if not colon:
        identity = pain.FinancialInstitutionIdentification18(bicfi=bank)
    else:
        clearing = pain.ClearingSystemIdentification2Choice(cd=system)
        membership = pain.ClearingSystemMemberIdentification2(clr_sys_id=clearing, mmb_id=member)
        identity = pain.FinancialInstitutionIdentification18(clr_sys_mmb_id=membership)
    return pain.BranchAndFinancialInstitutionIdentification6(fin_instn_id=identity)
