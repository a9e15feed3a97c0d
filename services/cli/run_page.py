"""A settlement run for a person or a program: what was settled, for whom, and what was left out."""

import json
from typing import TYPE_CHECKING, Any

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.currencies import decimal_text

if TYPE_CHECKING:
    from services.settlement.books.run_ports import StoredRun

_SHOWN = 10


def print_run(run: "StoredRun", state: str, *, as_json: bool) -> None:
    """Print a run.

    Args:
        run: planned or done.
        state: in words.
        as_json: one object, amounts in minor units.
    """
    body = {
        "run": run.id, "state": state, "as_of": format_rfc3339(run.as_of), "plan_sha256": run.plan_sha256.hex(),
        **run.counts,
    }  # fmt: skip
    if as_json:
        print(json.dumps(body))
        return
    print(f"run {run.id} as of {body['as_of']}: {state}")
    print(f"  {body['lines']:,} lines and {body['script_fees']:,} script fees settled, plan {body['plan_sha256'][:16]}")
    _print_sums("billed to brands", "brand_id", body["brands"])
    _print_sums("earned by parties", "party", body["parties"])
    for budget in body["budgets"]:
        of, limit = budget["currency"], decimal_text(budget["limit_minor"], budget["currency"])
        committed = decimal_text(budget["worth_minor"] + budget["charged_minor"], of)
        print(f"  budget {budget['campaign_id']}: {committed} of {limit} {of} committed")
    for skip in body["skipped"]:
        amount = decimal_text(skip["amount_minor"], skip["currency"])
        print(f"  left out, {skip['reason']}: {skip['lines']:,} lines, {amount} {skip['currency']}")


def _print_sums(title: str, name: str, rows: list[dict[str, Any]]) -> None:
    """The greatest sums, and how many more there are."""
    if not rows:
        return
    print(f"  {title}:")
    for row in sorted(rows, key=lambda row: (-row["amount_minor"], row[name]))[:_SHOWN]:
        print(f"    {row[name]:24} {decimal_text(row['amount_minor'], row['currency']):>14} {row['currency']}")
    if len(rows) > _SHOWN:
        print(f"    and {len(rows) - _SHOWN:,} more: --json names all")
