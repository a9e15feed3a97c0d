"""docs/finance.md is a promise to people without our code: its programs are run as they stand there."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.settlement.books.journal_entry import JournalEntry, message
from services.settlement.books.snapshot_port import NetPosition
from services.settlement.domain.book.entries import GENESIS, Entry, Kind, Leg, chain
from services.settlement.export.digest import digest
from tests.kit.settlement_facts import DAY, PAID_AT

PAGE = (Path(__file__).parents[3] / "docs/finance.md").read_text()


def program(name: str) -> str:
    blocks = re.findall(rf"^```python {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def run(name: str, lines: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of the page in a bare interpreter that finds none of our modules."""
    text = "".join(f"{line}\n" for line in lines)
    return subprocess.run([sys.executable, "-I", "-S", "-c", program(name)], input=text, capture_output=True, text=True)


def entries(count: int = 60) -> list[dict[str, Any]]:
    """Chained messages of three writers, with all that a field may hold."""
    chance = random.Random(7)
    last = dict.fromkeys((0, 3, 12), GENESIS)
    made = []
    for number in range(count):
        writer = chance.choice(sorted(last))
        amount, share = chance.randint(2, 10**12), chance.randint(1, 100)
        legs = (Leg("brand:br_2:accrued", amount), Leg(f"koc:k_{share % 5}:pending", share - amount),
                Leg("platform:fee_deferred", -share))  # fmt: skip
        of_line = writer != 12
        entry = Entry(
            idem_key=f"credit|0|{writer}|{number}",
            cause="订单退款, “quoted” \\ and\nmore",
            kind=chance.choice(list(Kind)),
            currency=chance.choice(["CNY", "JPY", "KWD"]),
            period="2026-11",
            effective_at=PAID_AT + number,
            order_id=f"o_{number % 9}" if of_line else None,
            line_id="1" if of_line else None,
            corrects=f"{writer}-1" if number % 10 == 0 else None,
            legs=legs,
        )
        link = chain(entry, writer, last[writer], PAID_AT + DAY + number)
        recorded = JournalEntry(entry, writer, link.seq, PAID_AT + DAY + number, link.head)
        made.append(message(recorded, last[writer].head))
        last[writer] = link
    return made


def lines(messages: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(one) for one in messages]


def test_the_verifier_accepts_what_we_publish_also_twice() -> None:
    made = entries()
    done = run("verify.py", lines(made[:40] + made[20:]))
    assert done.returncode == 0, done.stdout + done.stderr
    heads = {one["writer"]: (one["seq"], one["hash"]) for one in made}
    assert done.stdout.splitlines() == [
        f"writer {w}: {seq} entries, {head}" for w, (seq, head) in sorted(heads.items())
    ]


@pytest.mark.parametrize("field", ["cause", "kind", "currency", "period", "effective_at", "recorded_at", "order_id",
                                   "line_id", "corrects", "idem_key", "prev_hash", "hash", "entry_id"])  # fmt: skip
def test_the_verifier_notices_a_changed_field(field: str) -> None:
    made = entries()
    made[25][field] = "o_other" if made[25][field] is None else f"{made[25][field]}0"
    done = run("verify.py", lines(made))
    assert done.returncode == 1
    assert made[25]["entry_id"] in done.stdout


def test_the_verifier_notices_moved_money_and_legs_that_do_not_add_up() -> None:
    moved, created = entries(), entries()
    moved[25]["legs"][0]["amount_minor"] -= 1
    moved[25]["legs"][1]["amount_minor"] += 1
    created[25]["legs"][0]["amount_minor"] += 1
    assert f"{moved[25]['entry_id']}: not what was booked" in run("verify.py", lines(moved)).stdout
    assert f"{created[25]['entry_id']}: the legs do not add up to zero" in run("verify.py", lines(created)).stdout


def test_the_verifier_notices_a_gap() -> None:
    made = entries()
    lost = made.pop(25)
    done = run("verify.py", lines(made))
    assert done.returncode == 1
    assert f"a gap after {lost['writer']}-{lost['seq'] - 1}" in done.stdout


def test_the_verifier_is_short_enough_to_be_read() -> None:
    assert len([line for line in program("verify.py").splitlines() if line.strip()]) <= 35


def test_the_page_computes_our_digest_from_the_topic_alone() -> None:
    made = entries()
    net: dict[tuple[str, str, str, str], int] = {}
    for one in made:
        for leg in one["legs"]:
            key = (one["order_id"] or "", one["line_id"] or "", leg["account"], one["currency"])
            net[key] = net.get(key, 0) + leg["amount_minor"]
    positions = [NetPosition(key[0] or None, key[1] or None, *key[2:], amount) for key, amount in net.items() if amount]
    ordered = sorted(positions, key=lambda p: f"{p.order_id or ''}|{p.line_id or ''}|{p.account}|{p.currency}".encode())
    assert run("digest.py", lines(made + made[:9])).stdout.strip() == digest(ordered).sha256


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_explains_every_kind_of_entry(kind: Kind) -> None:
    assert f"| `{kind.text}` |" in PAGE
