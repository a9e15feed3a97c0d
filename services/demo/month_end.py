"""What the demo's month end needs besides the books: where parties are paid, and a bank that replies.

Names and account numbers are made up. They stand in a file of their own, as they would for real: events name tokens.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.demo.events import Event
from services.demo.figures import CURRENCY
from services.demo.shop_week import PAID_AT
from services.demo.telling import Demo, short
from services.kernel.time import format_rfc3339
from services.settlement.domain.book.currencies import decimal_text

MONTH, BATCH = "2026-09", "september"
MONTH_BEFORE = "2026-08"
"""In it the conversion paths lie: months close in order."""

PAYEE_COLUMNS = ("ref", "rail", "name", "account", "bank")
REPLY_COLUMNS = ("payout", "outcome", "amount", "currency", "bank_ref", "fee")
_FAMILIES, _GIVEN = "李王张刘陈杨赵黄周吴", ("娜", "秀英", "静", "丽", "强", "磊", "洋", "勇", "艳", "杰")
_BANK = "CNAPS:102100099996"


def pay(told: Demo, registry: Iterable[Event], folder: Path) -> str:
    """One person proposes payouts, another one approves them; banks get files and reply. Returns who gets most."""
    payees, reply = folder / "payees.csv", folder / "reply.csv"
    moment = format_rfc3339(PAID_AT)
    told.show("Pay what is payable", "payout", "propose", "--as-of", moment, "--id", BATCH, "--reason", "September")
    told.run("payout", "approve", BATCH, "--reason", "the sums agree with the run")
    write_payee_file(payees, registry)
    told.run("payee", "import", str(payees))
    told.run("payout", "export", BATCH, "--output", str(folder / "payments"))
    payouts = instructed(told.output("payout", "show", BATCH, "--json"))
    write_reply(reply, payouts, refused=1)
    told.say("   the banks pay all but one:")
    told.run("payout", "reply", str(reply))
    return str(max(payouts, key=lambda row: row["amount_minor"] * (row["currency"] == CURRENCY))["party"])


def close(told: Demo, months: Sequence[str], party: str, folder: Path) -> None:
    """Months under their seals, MONTH last, and a party's statement of it."""
    told.title(f"Close {' and '.join(months)}, and write a statement")
    for month in months:
        told.run("period", "close", month)
    output = ("--form", "pdf", "--output", str(folder))
    told.run("statement", "write", "--party", party, "--period", MONTH, *output)
    told.say(f"   in {short(folder)}: payments/, payees.csv, reply.csv, and the statement of {party}")


def write_payee_file(file: Path, registry: Iterable[Event]) -> None:
    """A row for each party whose payee.set is among the events, as `koc payee import` reads it."""
    payees = [event for event in registry if event["event_type"] == "payee.set"]
    _write(file, PAYEE_COLUMNS, (_payee(number, event) for number, event in enumerate(payees)))


def _payee(number: int, event: Mapping[str, Any]) -> tuple[str, ...]:
    digits = str(int(hashlib.sha256(event["ref"].encode()).hexdigest(), 16))
    name = _FAMILIES[number % len(_FAMILIES)] + _GIVEN[number // len(_FAMILIES) % len(_GIVEN)]
    accounts = {"bank": f"622202{digits[:13]}", "wechat": f"o{digits[:27]}", "alipay": f"2088{digits[:12]}"}
    bank = _BANK if event["rail"] == "bank" else ""
    return event["ref"], event["rail"], name, accounts[event["rail"]], bank


def instructed(batch: str) -> list[Mapping[str, Any]]:
    """The payouts of a batch that wait for a reply, of what `koc payout show BATCH --json` prints."""
    return [row for row in json.loads(batch)["rows"] if row["status"] == "instructed"]


def write_reply(file: Path, payouts: Sequence[Mapping[str, Any]], refused: int) -> None:
    """What a bank would reply: it pays all but the first `refused` payouts."""
    outcomes = ["rejected"] * refused + ["confirmed"] * (len(payouts) - refused)
    _write(file, REPLY_COLUMNS, map(_reply, payouts, outcomes))


def _reply(row: Mapping[str, Any], outcome: str) -> tuple[str, ...]:
    amount = decimal_text(row["amount_minor"], row["currency"])
    return row["payout"], outcome, amount, row["currency"], f"BK{row['payout'][:10]}", ""


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([columns, *rows])
