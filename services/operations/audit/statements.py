"""settlement.statements.v1 against the closes: hashes, Merkle paths and roots, and every balance of every statement."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from services.operations.audit.content_fees import AccountOf
from services.operations.audit.periods import AuditedClose
from services.operations.audit.report import AuditReport

AccountMoney = Mapping[AccountOf, int]


class StatementAudit:
    """Checks statements.

    Args:
        closes: in the order of their commands, with their sums.
        report: differences go there.
    """

    def __init__(self, closes: Sequence[AuditedClose], report: AuditReport) -> None:
        self._report = report
        self._closes = {(close.period, close.revision): close for close in closes}
        self._opening = {close.number: _opening(close, closes) for close in closes}
        self._issued: dict[tuple[str, int], list[tuple[str, str, str]]] = {}
        self._roots: dict[tuple[str, int], set[str]] = {}

    def read(self, values: Iterable[bytes]) -> None:
        """Check all statements, then that each close has all of its own, under one root."""
        last = 0
        for raw in values:
            try:
                said = json.loads(raw)
                if said["seq"] <= last:
                    continue
                if said["seq"] != last + 1:
                    self._differ("statement number", _title(said), last + 1, said["seq"])
                last = said["seq"]
                self._check(said)
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                self._differ("unreadable", f"the record after statement {last}", "a statement", repr(problem))
        for key, close in self._closes.items():
            self._check_all_of(key, close)

    def _check(self, said: dict[str, Any]) -> None:
        """One statement."""
        self._report.checked["statements"] += 1
        where, body = _title(said), said["statement"]
        digest = sha256(_canonical(body)).digest()
        if digest.hex() != said["sha256"]:
            self._differ("statement hash", where, digest.hex(), said["sha256"])
        if (root := _root_by_path(digest, said["path"])) != said["root"]:
            self._differ("statement path", where, root, said["root"])
        key = said["period"], said["revision"]
        self._issued.setdefault(key, []).append((said["party"], said["currency"], digest.hex()))
        self._roots.setdefault(key, set()).add(said["root"])
        close = self._closes.get(key)
        if close is None:
            self._differ("statement", where, "a close of this month and revision", None)
            return
        head = {"party": said["party"], "currency": said["currency"], "period": key[0], "revision": key[1]}
        head["seal"] = close.seal
        if found := {name: body[name] for name, value in head.items() if body[name] != value}:
            self._differ("statement head", where, {name: head[name] for name in found}, found)
        self._check_blocks(where, body, self._opening[close.number], close)

    def _check_blocks(self, where: str, body: dict[str, Any], opening: AccountMoney, close: AuditedClose) -> None:
        """Opening + movements = closing, and both are the ledger's."""
        closing = _added(opening, close.sums)
        for name, column, block, accounts in _blocks(body):
            moved = sum(row[column] for row in (*block["movements"], *block["earlier"]))
            begins, ends = block["opening"][column], block["closing"][column]
            if begins + moved != ends:
                self._differ("statement sum", f"{where}, {name}", begins + moved, ends)
            for what, balances, found in (("opening", opening, begins), ("closing", closing, ends)):
                expected = sum(sign * balances.get((one, body["currency"]), 0) for one, sign in accounts.items())
                if expected != found:
                    self._differ("statement balance", f"{where}, {what} of {name}", expected, found)

    def _check_all_of(self, key: tuple[str, int], close: AuditedClose) -> None:
        """All parties with a balance have a statement of a close, and one root covers exactly these."""
        opening = self._opening[close.number]
        balances = (opening, _added(opening, close.sums))
        wanted = {(owner_of(account), of) for some in balances for (account, of), amount in some.items() if amount}
        issued = self._issued.get(key, [])
        for party, of in sorted(wanted - {(party, of) for party, of, _ in issued}):
            self._differ("statement missing", f"{close.title}, {party} in {of}", "a statement", None)
        if issued:
            root = _root_of([bytes.fromhex(digest) for _, _, digest in sorted(issued)])
            if self._roots[key] != {root}:
                self._differ("statement root", close.title, root, ", ".join(sorted(self._roots[key])))

    def _differ(self, check: str, where: str, expected: object, found: object) -> None:
        self._report.differ(check, where, expected, found)


def owner_of(account: str) -> str:
    """Whose statement an account stands on."""
    role, _, rest = account.partition(":")
    if role == "clawback":
        return rest
    if role == "brand" or account.endswith((":payable", ":held", ":pending")):
        return f"{role}:{rest.rpartition(':')[0]}"
    return "platform"


def _blocks(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, int]]]:
    """Name, column, block, and the accounts that count in it with their signs."""
    party = body["party"]
    if party == "platform":
        for one in body["accounts"]:
            yield one["account"], "amount_minor", one, {one["account"]: 1}
    elif party.startswith("brand:"):
        for name in ("accrued", "receivable"):
            yield name, f"{name}_minor", body[name], {f"{party}:{name}": 1}
    else:
        payable, held, owed = {f"{party}:payable": -1}, {f"{party}:held": -1}, {f"clawback:{party}": 1}
        columns = {"payable_minor": payable, "held_minor": held, "owed_back_minor": owed}
        columns["balance_minor"] = {**payable, **held, f"clawback:{party}": -1}
        yield "pending", "pending_minor", body["pending"], {f"{party}:pending": -1}
        yield from ((column, column, body["balance"], accounts) for column, accounts in columns.items())


def _opening(close: AuditedClose, closes: Iterable[AuditedClose]) -> AccountMoney:
    """What accounts held when the month began: all months before, each as it was closed last until then."""
    latest = {one.period: one for one in closes if one.number < close.number and one.period < close.period}
    sums: Counter[AccountOf] = Counter()
    for one in latest.values():
        sums.update(one.sums)
    return sums


def _added(one: AccountMoney, other: AccountMoney) -> AccountMoney:
    sums = Counter(one)
    sums.update(other)
    return sums


def _root_by_path(digest: bytes, path: Iterable[str]) -> str:
    """The root that a statement's hash and its path lead to."""
    found = sha256(b"\0" + digest).digest()
    for step in map(bytes.fromhex, path):
        found = sha256(b"\1" + (step[1:] + found if step[0] == 0 else found + step[1:])).digest()
    return found.hex()


def _root_of(digests: Iterable[bytes]) -> str:
    """The root over statements in the order of party and currency; an odd one moves up unchanged."""
    level = [sha256(b"\0" + digest).digest() for digest in digests]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [*(sha256(b"\1" + left + right).digest() for left, right in pairs), *level[len(level) // 2 * 2 :]]
    return level[0].hex()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _title(said: dict[str, Any]) -> str:
    return (
        f"statement {said['seq']}, {said['period']} revision {said['revision']}, {said['party']} in {said['currency']}"
    )
