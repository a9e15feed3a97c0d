"""What reports read, on PostgreSQL: lines with their assertions and what runs planned of them, streamed by order."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.report_port import ProductName
from services.settlement.books.run_snapshot import RunBooksSnapshot
from services.settlement.books.settled_columns import read_grants, read_shares
from services.settlement.books.snapshot import repeatable_read
from services.settlement.domain.reporting.grouping import Selection
from services.settlement.domain.reporting.line_shares import PlannedShares, SoldLine
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.place import owed_by

_KEY = "(order_id, line_id, buyer_id)"
_CLAIMED_BACK = """
line.settled_accounts <> '{}' AND (SELECT sum(amount) FROM unnest(line.settled_amounts) AS amount) > coalesce((
  SELECT sum(leg.amount) FROM unnest(line.accounts, line.amounts) AS leg (account_id, amount)
  WHERE leg.account_id IN (SELECT id FROM account WHERE key LIKE 'brand:%%:receivable')
), 0)
"""
_SOLD = """
SELECT order_id, line_id, buyer_id, line.brand_id, line.currency, line.paid_at, line.standing, line.accounts,
  line.amounts, line.settled_accounts, line.settled_amounts, line.terms, line.grants, assertion.raw, planned.plans
FROM line JOIN assertion USING {key} LEFT JOIN (
  SELECT order_id, line_id, buyer_id, json_agg(json_build_array(
    run_line.settled_accounts, run_line.settled_amounts, run_line.parts) ORDER BY run.planned_at)::text AS plans
  FROM line JOIN run_line USING {key} JOIN run ON run.id = run_line.run
  WHERE {selected} AND {claimed_back} GROUP BY 1, 2, 3
) planned USING {key}
WHERE (line.standing OR line.accounts <> '{{}}' OR line.settled_accounts <> '{{}}') AND {selected}
ORDER BY order_id, line_id, buyer_id
"""
_FIRST_SALES = f"""
SELECT line.brand_id, convert_from(raw, 'UTF8')::json ->> 'product_id', min(line.paid_at)
FROM line JOIN assertion USING {_KEY} WHERE line.standing GROUP BY 1, 2
"""  # noqa: S608 - column names of ours


@contextmanager
def report_snapshot(engine: Engine) -> Iterator["ReportSnapshot"]:
    """The books as they are at this moment, for as long as the block lasts.

    Args:
        engine: of the reader role.
    """
    with repeatable_read(engine) as connection:
        yield ReportSnapshot(connection)


class ReportSnapshot(RunBooksSnapshot):
    """`report_port.ReportBooks` on PostgreSQL."""

    def zone_minutes(self) -> int | None:
        """The settlement zone, minutes east of UTC; None until the first start of a poster."""
        row: Any = self._raw.execute("SELECT zone_minutes FROM registry_position").fetchone()
        return None if row is None else row[0]

    def sold_lines(self, selection: Selection) -> Iterator[SoldLine]:
        """Lines of the brand and the range, and of a KOC those that may concern it, sorted by order_id."""
        conditions = ["true"]
        parameters: list[Any] = []
        for condition, value in (
            ("line.paid_at >= %s", None if selection.since is None else to_datetime(selection.since)),
            ("line.paid_at < %s", None if selection.until is None else to_datetime(selection.until)),
            ("line.brand_id = %s", selection.brand_id),
            ("(line.koc_ids @> ARRAY[%s] OR line.settled_accounts <> '{}')", selection.koc_id),
        ):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        statement = _SOLD.format(key=_KEY, claimed_back=_CLAIMED_BACK, selected=" AND ".join(conditions))
        for row in self._stream("sold_lines", statement, (*parameters, *parameters)):
            yield self._sold(row)

    def _sold(self, row: Sequence[Any]) -> SoldLine:
        (
            order_id, line_id, buyer_id, brand_id, currency, paid_at, standing, accounts, amounts, settled_accounts,
            settled_amounts, terms, grants, raw, plans,
        ) = row  # fmt: skip
        settled = read_shares(settled_accounts, settled_amounts, self._accounts) if settled_accounts else {}
        return SoldLine(
            (order_id, line_id, buyer_id),
            brand_id,
            currency,
            to_micros(paid_at),
            standing,
            owed_by(self._accounts.position(accounts, amounts), settled),
            settled,
            None if terms is None else self._terms.get(terms),
            read_grants(grants),
            decode_assertion(bytes(raw)),
            () if plans is None else tuple(self._planned(*plan) for plan in json.loads(plans)),
        )

    def _planned(self, accounts: Sequence[int], amounts: Sequence[int], parts: Sequence[Any]) -> PlannedShares:
        return PlannedShares(read_shares(accounts, amounts, self._accounts), [CreditPart(*part) for part in parts])

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[Sequence[Any]]:
        """All rows of a statement of this package."""
        found: list[Sequence[Any]] = self._raw.execute(statement, parameters).fetchall()
        return found

    def first_sales(self) -> Mapping[ProductName, int]:
        """When each product was first paid, by the lines that stand."""
        rows = self._stream("first_sales", _FIRST_SALES)
        return {(brand_id, product_id): to_micros(at) for brand_id, product_id, at in rows}
