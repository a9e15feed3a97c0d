"""Net positions: what is booked, or should be, by account."""

Position = dict[str, int]
"""Account key -> amount_minor, debit positive; no zeros. One currency, which its owner names."""


def difference(target: Position, booked: Position) -> Position:
    """What is to be booked so that `booked` becomes `target`, without zeros."""
    delta = dict(target)
    for key, amount in booked.items():
        delta[key] = delta.get(key, 0) - amount
    return {key: amount for key, amount in delta.items() if amount}


def total(one: Position, other: Position) -> Position:
    """Two positions together, without zeros."""
    summed = dict(one)
    for key, amount in other.items():
        summed[key] = summed.get(key, 0) + amount
    return {key: amount for key, amount in summed.items() if amount}
