"""Our own settings of settling, as the registry has them: VAT, netting, reserve, minima and the return window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from services.kernel.money import MILLION


@dataclass(frozen=True, slots=True)
class House:
    """The settings in force from `effective_from` (microseconds) on.

    `vat_ppm` by currency is the rate within our fee; `netting_share_ppm` of what a party may get in one go is what a
    net may take for older debts; `reserve_ppm` of what a run settles is held for `reserve_days`.
    """

    effective_from: int = 0
    vat_ppm: Mapping[str, int] = field(default_factory=dict)
    netting_share_ppm: int = MILLION
    reserve_ppm: int = 0
    reserve_days: int = 0
    payout_minimum_minor: Mapping[str, int] = field(default_factory=dict)
    return_window_days: int = 7


DEFAULT_HOUSE = House()


class HouseSettings:
    """All settings by when they take effect."""

    def __init__(self) -> None:
        self._by_time: list[House] = []

    def put(self, settings: Iterable[House]) -> None:
        """Add settings; those of one effective_from take the old ones' place."""
        known = {house.effective_from: house for house in self._by_time}
        known.update({house.effective_from: house for house in settings})
        self._by_time = sorted(known.values(), key=attrgetter("effective_from"), reverse=True)

    def at(self, moment: int) -> House:
        """The settings in force at a time, microseconds."""
        return next((house for house in self._by_time if house.effective_from <= moment), DEFAULT_HOUSE)
