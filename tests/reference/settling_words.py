"""The words of the worked cases: parties, plans, and short names of accounts."""

from tests.reference.settling_script import Case, CreditOf, Expected, HouseOf, PayeeSet, PlanOf, Published, Related

FEE = ("platform", "commission", 100_000)
FULL = PlanOf("pl_1", 200_000, (FEE, ("mcn", "koc", 200_000), ("recruiter", "koc", 125_000)))
PLAIN = PlanOf("pl_1", 200_000)
PARTIES = (Related("k_7", {"mcn": "m_1", "recruiter": "r_1"}), Related("k_8", {"mcn": "m_2"}))
K7, K8 = (CreditOf("v_93", "k_7"),), (CreditOf("v_94", "k_8"),)
IN_C1 = (CreditOf("v_93", "k_7", campaign_id="c_1"),)

_NAMES = {
    "acc": "brand:br_2:accrued", "rec": "brand:br_2:receivable", "fd": "platform:fee_deferred", "fee": "platform:fee",
    "vat": "vat:output", "bank": "bank:main", "prepaid": "traffic:douyin:prepaid",
    "avail": "budget:c_1:available", "comm": "budget:c_1:committed", "limit": "budget:c_1:limit",
    "k_off": "writeoff:koc:k_7", "transit": "payout:bank:in_transit",
}  # fmt: skip
_PARTIES = {
    "k": "koc:k_7", "m": "mcn:m_1", "r": "recruiter:r_1", "k8": "koc:k_8", "m2": "mcn:m_2", "k1": "koc:k_1",
    "k2": "koc:k_2", "k3": "koc:k_3", "h": "head:h_1", "hp": "helper:hp_1", "o": "promoter_org:o_1",
    "p": "promoter:p_1",
}  # fmt: skip
for _short, _owner in _PARTIES.items():
    _NAMES |= {f"{_short}_pend": f"{_owner}:pending", f"{_short}_pay": f"{_owner}:payable"}
    _NAMES |= {f"{_short}_held": f"{_owner}:held", f"{_short}_claw": f"clawback:{_owner}"}


PAYEES = tuple(PayeeSet(owner) for owner in _PARTIES.values())


def by_hand(what: str, currency: str = "CNY", **balances: int) -> Expected:
    """A state: all balances that are not zero, by the short names of this file."""
    assert sum(balances.values()) == 0, what
    return Expected(what, {_NAMES[short]: amount for short, amount in balances.items()}, currency)


def case(title: str, *steps: object, plans: tuple[PlanOf, ...] = (FULL,), house: HouseOf | None = None) -> Case:
    """A case under these plans and the usual parties."""
    known = (Published(house or HouseOf()), *PARTIES, *PAYEES, *map(Published, plans))
    return Case(title, (*known, *steps))  # type: ignore[arg-type]
