"""The ledger topic, a partition at a time: its chain, and what it comes to by line, by run and by account."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from services.operations.audit.chains import BEGINNING, ChainPlace, LedgerFacts, break_in, entry_hash, read_entry
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.pricing import LIMIT_MINOR
from services.operations.audit.report import AuditReport
from services.operations.audit.severed import SeveredMarks
from services.runtime.wire import UNDECODABLE

CONTENTS = "registry"
"""The cause of script fees, spend and budgets' limits, under writer N."""

BookedAccounts = dict[AccountOf, int]


class PartitionSums(NamedTuple):
    """One partition of the ledger topic.

    Attributes:
        lines: accounts by `ORDER/LINE`.
        settled: of each line that runs booked on, what they moved into payable by (run id, party).
        causes: accounts of entries without an order line, by cause.
        last: number and hash of the last entry.
    """

    lines: dict[str, BookedAccounts]
    settled: dict[str, dict[tuple[str, str], int]]
    causes: dict[str, Counter[AccountOf]]
    last: ChainPlace


def read_partition(
    partition: int,
    values: Iterable[bytes],
    severed: SeveredMarks,
    report: AuditReport,
    watchers: Sequence[Callable[[LedgerFacts], None]],
) -> PartitionSums:
    """Read and prove one partition; an entry that comes again, as at least once sends it, counts once.

    Args:
        partition: its number is the writer's.
        values: its records.
        severed: records that no longer say what their hash covers.
        report: differences go there.
        watchers: told of each entry.
    """
    sums, last = PartitionSums({}, {}, {}, BEGINNING), BEGINNING
    names: dict[AccountOf, AccountOf] = {}
    for raw in values:
        try:
            entry = read_entry(raw)
        except UNDECODABLE as problem:
            report.differ("unreadable", f"the record after entry {partition}-{last.seq}", "an entry", problem)
            continue
        if entry.writer == partition and entry.seq <= last.seq:
            if entry.seq == last.seq and entry.hash != last.hash:
                report.differ("ledger chain", f"entry {entry.entry_id}", f"hash {last.hash}", f"hash {entry.hash}")
            continue
        report.checked["ledger entries"] += 1
        _prove(partition, entry, last, severed, report)
        last = ChainPlace(entry.seq, entry.hash)
        _add(sums, entry, names)
        for watch in watchers:
            watch(entry)
    return sums._replace(last=last)


def _prove(partition: int, entry: LedgerFacts, last: ChainPlace, severed: SeveredMarks, report: AuditReport) -> None:
    """The entry's place in the chain, and its legs."""
    computed = entry_hash(entry)
    if severed.has(entry.entry_id, computed):
        computed = entry.hash
    if broken := break_in(last, entry.seq, entry.prev_hash, entry.hash, computed):
        report.differ("ledger chain", f"entry {entry.entry_id}", *broken)
    if entry.writer != partition or entry.entry_id != f"{partition}-{entry.seq}":
        report.differ("ledger place", f"entry {entry.entry_id}", f"writer {partition}", f"writer {entry.writer}")
    amounts = [leg.amount_minor for leg in entry.legs]
    if len(amounts) < 2 or sum(amounts) != 0:
        report.differ("ledger legs", f"entry {entry.entry_id}", "legs that add up to zero", f"a sum of {sum(amounts)}")
    elif max(map(abs, amounts)) > LIMIT_MINOR:
        report.differ("ledger legs", f"entry {entry.entry_id}", f"at most {LIMIT_MINOR}", max(map(abs, amounts)))


def _add(sums: PartitionSums, entry: LedgerFacts, names: dict[AccountOf, AccountOf]) -> None:
    """Add an entry to the sums; each account's name is kept once."""
    is_of_line = entry.order_id is not None
    name = f"{entry.order_id}/{entry.line_id}" if is_of_line else _cause(entry.idem_key)
    accounts: dict[AccountOf, int] = (
        sums.lines.setdefault(name, {}) if is_of_line else sums.causes.setdefault(name, Counter())
    )
    for leg in entry.legs:
        key = (leg.account, entry.currency)
        key = names.setdefault(key, key)
        accounts[key] = accounts.get(key, 0) + leg.amount_minor
    if is_of_line and entry.idem_key.startswith("run|"):
        _add_raise(sums.settled.setdefault(name, {}), entry)


def _add_raise(raises: dict[tuple[str, str], int], entry: LedgerFacts) -> None:
    """What a run's entry settles of a line."""
    if entry.kind != "commission.settled":
        return
    run_id = entry.idem_key.split("|")[1]
    for leg in entry.legs:
        if leg.account.endswith(":payable"):
            of = run_id, leg.account.removesuffix(":payable")
            raises[of] = raises.get(of, 0) - leg.amount_minor


def _cause(idem_key: str) -> str:
    """The cause that an idempotency key names."""
    parts = idem_key.split("|")
    if parts[0] == "registry" or (parts[0] == "run" and "script_fee" in parts[2:3]):
        return CONTENTS
    return " ".join(parts[:2]) if parts[0] in ("run", "command", "payout") else idem_key
