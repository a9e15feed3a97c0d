"""What must hold of the statements of a close, worked out from the journal by code that is not ours."""

import json
from collections import Counter
from hashlib import sha256
from typing import Any

from schemas import decoding
from schemas.topics import STATEMENTS
from services.settlement.domain.book import chart
from tests.kit.books import Books

Body = dict[str, Any]
Sums = Counter[tuple[str, str]]
"""(account, currency) -> minor units, debit positive."""


def blocks(body: Body) -> dict[str, Body]:
    """The blocks of a statement by name."""
    if body["kind"] == "platform":
        return {one["account"]: one for one in body["accounts"]}
    names = {"party": ("pending", "balance"), "brand": ("accrued", "receivable")}[body["kind"]]
    return {name: body[name] for name in names}


def assert_adds_up(body: Body) -> None:
    """Opening and movements come to the closing in every column, and details to their movement."""
    for block in blocks(body).values():
        for column, opening in block["opening"].items():
            rows = [*block["movements"], *block["earlier"]]
            assert opening + sum(row[column] for row in rows) == block["closing"][column]
        assert all(row["month"] < body["period"] for row in block["earlier"])
    if body["kind"] == "party":
        for row in [body["balance"]["opening"], *body["balance"]["movements"], *body["balance"]["earlier"]]:
            assert row["balance_minor"] == row["payable_minor"] + row["held_minor"] - row["owed_back_minor"]
        assert moved(body, "balance", "payable_minor", {"commission.settled", "script_fee.settled"}) == (
            sum(row["amount_minor"] for row in body["settled"])
        )
    if body["kind"] == "brand":
        owed = body["receivable"]["closing"]["receivable_minor"]
        assert sum(age["amount_minor"] for age in body["open"]["ages"]) - body["open"]["prepaid_minor"] == owed


def moved(body: Body, block: str, column: str, kinds: set[str]) -> int:
    rows = [*body[block]["movements"], *body[block]["earlier"]]
    return sum(row[column] for row in rows if row["kind"] in kinds)


def accounts_of(body: Body, part: str) -> Sums:
    """What a statement says of each account at a part of it: opening, closing, or moved (between the two)."""
    sums: Sums = Counter()

    def add(account: str, sign: int, block: Body, column: str) -> None:
        edges = {name: sign * block[name][column] for name in ("opening", "closing")}
        sums[account, body["currency"]] += edges["closing"] - edges["opening"] if part == "moved" else edges[part]

    party = body["party"]
    if body["kind"] == "platform":
        for one in body["accounts"]:
            add(one["account"], 1, one, "amount_minor")
    elif body["kind"] == "brand":
        add(f"{party}:accrued", 1, body["accrued"], "accrued_minor")
        add(f"{party}:receivable", 1, body["receivable"], "receivable_minor")
    else:
        add(f"{party}:pending", -1, body["pending"], "pending_minor")
        add(chart.payable(party), -1, body["balance"], "payable_minor")
        add(chart.held(party), -1, body["balance"], "held_minor")
        add(chart.clawback(party), 1, body["balance"], "owed_back_minor")
    return Counter({key: minor for key, minor in sums.items() if minor})


def together(all_bodies: dict[tuple[str, str], Body], part: str) -> Sums:
    summed: Sums = Counter()
    for body in all_bodies.values():
        summed.update(accounts_of(body, part))
    return Counter({key: minor for key, minor in summed.items() if minor})


def journal_sums(books: Books, condition: str) -> Sums:
    rows = books.rows(
        "SELECT a.key, a.currency, sum(leg.amount)::bigint FROM journal j, unnest(j.accounts, j.amounts) AS leg (id,"
        f" amount) JOIN account a ON a.id = leg.id WHERE {condition} GROUP BY 1, 2 HAVING sum(leg.amount) <> 0"
    )
    return Counter({(key, currency): minor for key, currency, minor in rows})


def assert_sealed(books: Books, period: str, revision: int) -> None:
    """Each statement is what the contract says and leads to the root of its close, by code that is not ours."""
    ((root,),) = books.rows(f"SELECT root FROM period_close WHERE period = '{period}' AND revision = {revision}")
    columns = "seq, party, currency, sha256, body, path"
    for seq, party, currency, digest, body, path in books.rows(
        f"SELECT {columns} FROM statement WHERE period = '{period}' AND revision = {revision}"
    ):
        assert sha256(body.encode()).digest() == digest
        found = sha256(b"\0" + digest).digest()
        for step in path:
            found = sha256(b"\1" + (step[1:] + found if step[0] == 0 else found + step[1:])).digest()
        assert found == root
        message = {
            "seq": seq, "period": period, "revision": revision, "party": party, "currency": currency,
            "statement": json.loads(body), "sha256": digest.hex(), "root": root.hex(),
            "path": [step.hex() for step in path],
        }  # fmt: skip
        assert decoding.read(STATEMENTS.name, json.dumps(message).encode()).key == party
