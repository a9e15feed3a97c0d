"""The table of faults: which are injected together, and in which order."""

from collections.abc import Sequence

from tests.ops.alerts import book_faults, broker_faults, console_faults, process_faults, settlement_faults, work_faults
from tests.ops.alerts.fault import Round

MONEY_ROUNDS: tuple[Round, ...] = (
    settlement_faults.SETTLEMENT + book_faults.BOOKS,
    process_faults.LEDGER_HELD,
    process_faults.COMMANDS_HELD + process_faults.BLOCKED,
)
"""On one stack, one after the other: what hurts the books leaves processes alone."""

PROCESS_ROUNDS: tuple[Round, ...] = (
    work_faults.LATE + console_faults.GUESSED,
    console_faults.SLOW + work_faults.STANDSTILL + process_faults.SPARE,
    process_faults.FROZEN + process_faults.HELD + broker_faults.UNSENT + console_faults.DOWN,
    process_faults.TWICE + broker_faults.UNACKNOWLEDGED + work_faults.CUT + console_faults.FAILING,
    process_faults.KILLED + broker_faults.STRANGERS,
    broker_faults.POISON,
)
"""On another stack. A round has one fault for each process at most."""


def alerts_of(rounds: Sequence[Round]) -> list[str]:
    """All alerts that the faults of these rounds must raise; at the end those whose clearing need not be awaited."""
    every = [(alert in fault.lasts, alert) for faults in rounds for fault in faults for alert in fault.alerts]
    return [alert for lasts in (False, True) for is_lasting, alert in every if is_lasting == lasts]
