"""Money as integers: minor units, parts per million, and remainders that go to somebody by a stated rule."""

import hashlib
from collections.abc import Callable, Sequence

MILLION = 1_000_000
MAX_AMOUNT_MINOR = 10**12


def share(amount: int, ppm: int) -> int:
    """floor(amount x ppm / 1,000,000), for amounts that are not negative."""
    return amount * ppm // MILLION


def allocate(total: int, weights: Sequence[int], tie_break: Callable[[int], bytes | int]) -> list[int]:
    """Split `total` (not negative) by integer weights so that the parts add up to it exactly.

    Largest remainder: each part is floored, then what is left goes, one unit each, to the largest remainders;
    among equal remainders to the smallest `tie_break(index)`.

    Raises:
        ValueError: the weights are empty, negative or all zero.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights must not be negative and not all zero: {list(weights)}")
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        order = sorted(range(len(parts)), key=lambda i: (-(total * weights[i] % whole), tie_break(i)))
        for i in order[:left]:
            parts[i] += 1
    return parts


def credit_rank(*names: str | None) -> bytes:
    """The order of credits with equal remainders: sha256("order|line|content|koc|campaign|traffic"), absent = empty."""
    return hashlib.sha256("|".join(name or "" for name in names).encode()).digest()
