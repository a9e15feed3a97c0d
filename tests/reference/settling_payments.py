"""What payouts come to, written independently of the product: who was paid up to where, replies, money that came back.

All legs of all accounts are remembered in the order in which they were booked, and a cut is a place among them.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

PayoutKey = tuple[str, str, str]
"""Batch, party and currency."""


class PaymentModel:
    """The part of the model that pays.

    Attributes:
        legs: all that was booked: of which line or script fee, which step, account with currency, amount.
        payouts: amount, state, whether it came back and is still held, its account in transit, and its cut.
        payees: the rail of each party that said where it is paid.
        left: when parties left, minutes since DAY_ZERO.
    """

    def __init__(self) -> None:
        self.legs: list[dict[str, Any]] = []
        self.payouts: dict[PayoutKey, dict[str, Any]] = {}
        self.payees: dict[str, str] = {}
        self.left: dict[str, int] = {}

    @abstractmethod
    def _move(self, legs: dict[str, int], currency: str, what: str = "", of: object = None) -> None:
        """Book legs."""

    def remember(self, account: str, currency: str, amount: int, what: str, of: object) -> None:
        """A leg was booked."""
        if amount:
            self.legs.append({"of": of, "what": what, "account": (account, currency), "amount": amount})

    def _cut(self, party: str, cur: str) -> int:
        """Where the last payout of a party ended; one that was cancelled is as if it had never been."""
        cuts = [one["cut"] for (_, who, of), one in self.payouts.items()
                if (who, of) == (party, cur) and one["state"] != "cancelled"]  # fmt: skip
        return max(cuts, default=0)

    def since(self, party: str, cur: str, purpose: str) -> list[dict[str, Any]]:
        """The legs of a party's account since its last payout."""
        return [leg for leg in self.legs[self._cut(party, cur) :] if leg["account"] == (f"{party}:{purpose}", cur)]

    def netted_since(self, party: str, cur: str) -> int:
        """What was netted of a party's money since its last payout."""
        legs = self.since(party, cur, "payable") + self.since(party, cur, "held")
        return sum(leg["amount"] for leg in legs if leg["what"] == "netted")

    def unpaid(self, party: str, cur: str) -> set[object]:
        """Lines and script fees in no payout yet: settled for the party since its last one, or left held by that."""
        own = [one for (_, who, of), one in self.payouts.items() if (who, of) == (party, cur)]
        last = max(
            (one for one in own if one["state"] != "cancelled"), key=lambda one: one["cut"], default={"kept": set()}
        )
        return {leg["of"] for leg in self.since(party, cur, "payable")} - {None} | last["kept"]

    def refused(self, party: str, cur: str) -> int:
        """What came back and nobody has looked at."""
        own = [one for (_, who, of), one in self.payouts.items() if (who, of) == (party, cur)]
        return sum(one["amount"] for one in own if one["held"])

    def instruct(self, key: PayoutKey, amount: int, kept: set[object]) -> None:
        """A payout takes all that is payable to a party; what is settled of the kept lines stays held."""
        _, party, cur = key
        transit = f"payout:{self.payees[party]}:in_transit"
        self._move({f"{party}:payable": amount, transit: -amount}, cur, "payout")
        self.payouts[key] = {
            "amount": amount, "state": "instructed", "held": False, "transit": transit, "cut": len(self.legs),
            "kept": kept,
        }  # fmt: skip

    def _meant(self, batch: str, party: str | None) -> list[tuple[PayoutKey, dict[str, Any]]]:
        return [(key, one) for key, one in self.payouts.items() if key[0] == batch and party in (None, key[1])]

    def reply(self, batch: str, outcome: str, party: str | None) -> None:
        """What a bank says of payouts; whatever is not one of these three is for a person to look at."""
        for (_, who, cur), payout in self._meant(batch, party):
            amount, transit = payout["amount"], payout["transit"]
            match payout["state"], outcome:
                case "instructed", "confirmed":
                    self._move({transit: amount, "bank:main": -amount}, cur)
                case "instructed", "rejected":
                    self._move({transit: amount, f"{who}:held": -amount}, cur)
                case "confirmed", "returned":
                    self._move({"bank:main": amount, f"{who}:held": -amount}, cur)
                case _:
                    continue
            payout["state"], payout["held"] = outcome, outcome != "confirmed"

    def release(self, is_meant: Callable[[PayoutKey], bool]) -> None:
        """Somebody has looked at what came back."""
        for key, payout in self.payouts.items():
            if is_meant(key):
                payout["held"] = False

    def cancel_payouts(self, batch: str, party: str | None) -> None:
        """Payouts that no reply has ended give their money back."""
        for (_, who, cur), payout in self._meant(batch, party):
            if payout["state"] == "instructed":
                payout["state"] = "cancelled"
                amount = payout["amount"]
                self._move({payout["transit"]: amount, f"{who}:payable": -amount}, cur, "payout")
