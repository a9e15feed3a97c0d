"""Disputes and holds that are open, as conditions on lines take them."""

from typing import Any

from services.kernel.time import parse_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.facts import open_disputes, open_holds

_NAME = "line.order_id || '/' || line.line_id"
IS_DISPUTED = f"(line.order_id = ANY(%(disputed_orders)s) OR {_NAME} = ANY(%(disputed_lines)s))"
IS_ORDER_HELD = "line.order_id = ANY(%(held_orders)s)"
IS_LINE_HELD = f"{_NAME} = ANY(%(held_lines)s)"
CREDITS_HELD = """EXISTS (
  SELECT FROM assertion, unnest(%(contents)s::text[]) AS content
  WHERE assertion.order_id = line.order_id AND assertion.line_id = line.line_id AND assertion.buyer_id = line.buyer_id
    AND position(convert_to(content, 'UTF8') IN assertion.raw) > 0
    AND convert_from(assertion.raw, 'UTF8')::jsonb -> 'credits' @> jsonb_build_array(
      jsonb_build_object('content_id', content))
)"""
"""Whether a row of `line` is in an open case, by the values of `open_case_names`; the last one reads its assertion."""

_OPEN_CASES = """
SELECT position, kind, identity, body FROM reference told
WHERE kind IN ('dispute.opened', 'hold.placed') AND NOT EXISTS (
  SELECT FROM reference over WHERE over.identity = told.identity AND over.kind = CASE told.kind
    WHEN 'dispute.opened' THEN 'dispute.decided' ELSE 'hold.released' END
    AND (told.kind = 'dispute.opened' OR over.position > told.position)
) ORDER BY position
"""
_KOCS_OF = "SELECT DISTINCT body ->> 'koc_id' FROM reference WHERE kind = 'content.registered' AND identity = ANY(%s)"


def read_open_cases(raw: Any) -> OpenCases:
    """Disputes and holds that are open now."""
    rows = raw.execute(_OPEN_CASES).fetchall()
    facts = [
        ReferenceEvent(position, kind, identity, parse_rfc3339(body["occurred_at"]), body)
        for position, kind, identity, body in rows
    ]
    return cases_of(open_disputes(facts), open_holds(facts))


def open_case_names(raw: Any) -> dict[str, list[str]]:
    """What open disputes and holds name, as the conditions take it; `kocs` are those of the held contents."""
    cases = read_open_cases(raw)
    named = {
        "disputed_orders": [order_id for order_id, line_id in cases.disputes if line_id is None],
        "disputed_lines": [f"{order_id}/{line_id}" for order_id, line_id in cases.disputes if line_id is not None],
        "held_orders": [order_id for order_id, line_id in cases.holds if line_id is None],
        "held_lines": [f"{order_id}/{line_id}" for order_id, line_id in cases.holds if line_id is not None],
    }
    orders = sorted({order_id for order_id, _ in (*cases.disputes, *cases.holds)})
    contents = sorted(cases.content_holds)
    kocs = [koc_id for (koc_id,) in raw.execute(_KOCS_OF, (contents,)).fetchall()]
    return {**named, "named": orders, "contents": contents, "kocs": kocs}
