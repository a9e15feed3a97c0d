"""Two to the power of minus an age in half-lives, in integers: the same number on every machine.

The power is irrational, so its value is *defined* here, in 64 binary places. Whole half-lives are exact shifts. The
rest is a product of 2**-(1/2), 2**-(1/4), 2**-(1/8), …: one factor for each binary place of the fraction that is set.
All factors are integer square roots, and all products round down. The result is off by less than one part in 2**55.
A microsecond of age takes away one part in 2**40, so that a younger touch always has more than an older one.
"""

from math import isqrt

from services.kernel.time import DAY

HALF_LIFE = 7 * DAY
"""A touch that is older by this much counts half."""
_PLACES = 64


def _roots() -> tuple[int, ...]:
    """2**-(1/2), 2**-(1/4), 2**-(1/8), …: one root for each binary place of the fraction."""
    roots, root = [], 1 << (_PLACES - 1)
    for _ in range(_PLACES):
        root = isqrt(root << _PLACES)
        roots.append(root)
    return tuple(roots)


_ROOTS = _roots()


def decayed_shares(ages: list[int]) -> list[int]:
    """Shares in proportion to 2**(-age / HALF_LIFE), for ages in microseconds, none negative."""
    parts = [divmod(age, HALF_LIFE) for age in ages]
    oldest = max(whole for whole, _ in parts)
    return [_power(fraction) << (oldest - whole) for whole, fraction in parts]


def _power(fraction: int) -> int:
    """2**(-fraction / HALF_LIFE) in units of 2**-64; `fraction` is less than a half-life."""
    value, places = 1 << _PLACES, (fraction << _PLACES) // HALF_LIFE
    for place, root in enumerate(_ROOTS, start=1):
        if places >> (_PLACES - place) & 1:
            value = value * root >> _PLACES
    return value
