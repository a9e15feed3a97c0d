"""A policy: how far a touch reaches, which model shares a line among competing touches, and when the policy applies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.attribution.domain.facts import Payment
from services.kernel.errors import InvariantBroken

DOMAIN_VERSION = 2
"""Raise it with every change of this package that changes a result; a store of another version is not carried on."""

EVIDENCE = {"view": 1, "click": 2, "code": 3}
"""How strong each kind of touch is as evidence; greater is stronger. A declaration beats them all."""
PRODUCT, SHOP, BRAND, ELSEWHERE = 3, 2, 1, 0
SCOPES = {"product": PRODUCT, "shop": SHOP, "brand": BRAND}
"""How close a touch's subject is to the bought product; greater is closer."""
ALWAYS = -(10**18)
"""Before any payment."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to credit an order line.

    Attributes:
        model: one of MODELS.
        widest_scope: a touch of a wider scope earns nothing (PRODUCT, SHOP or BRAND).
        windows: microseconds from a touch to the payment, by kind of touch.
        content_windows: the same by content type; takes precedence over the kind's window.
    """

    name: str
    model: str
    widest_scope: int
    windows: dict[str, int]
    content_windows: dict[str, int]


Timetable = tuple[tuple[int, Policy], ...]
"""Policies with the time from which each applies, the latest first; the last one applies from ALWAYS on."""


class Rules(NamedTuple):
    """The policy file: its revision is the `rules` part of every version vector.

    Attributes:
        sha256: of the file's bytes, hexadecimal; another file under the same revision is refused.
        everywhere: the policies for platforms without policies of their own.
        platforms: the policies of the other platforms; each timetable is whole, without a time that has no policy.
    """

    revision: int
    sha256: str
    everywhere: Timetable
    platforms: Mapping[str, Timetable]

    def policy_of(self, payment: Payment) -> Policy:
        """The one policy for an order, by its platform and its time of payment."""
        for since, policy in self.platforms.get(payment.platform, self.everywhere):
            if since <= payment.paid_at:
                return policy
        raise InvariantBroken(f"no policy for an order from {payment.platform} paid at {payment.paid_at}")
