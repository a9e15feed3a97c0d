"""The statements (SQL) that read what a closed period's statements are made of, each in one ordered scan."""

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.netting import EARNINGS
from services.settlement.domain.statements.party_statement import REVERSED, SETTLED

_WITHIN = "j.seq <= (%(cut)s::bigint[])[j.writer + 1]"
"""Whether a journal row (j) is up to the cut of a close."""
_LOCAL = "(j.effective_at AT TIME ZONE 'UTC' + make_interval(mins => %(zone)s))"
_PAYOUTS_BEGIN, _PAYOUTS_END = Kind.PAYOUT_INSTRUCTED.code, Kind.PAYOUT_RETURNED.code

REVERSED_OF_PARTIES = [kind.code for kind in REVERSED]
REVERSED_OF_BRANDS = [kind.code for kind in EARNINGS if kind not in SETTLED]
BILLING = [kind.code for kind in (*EARNINGS, Kind.BRAND_PAID, Kind.ADJUSTMENT_POSTED)]
"""Kinds that move what a brand owes."""

STAGED = (
    """
CREATE TEMP TABLE statement_account (
  id int PRIMARY KEY, party text COLLATE "C", currency text COLLATE "C", account text COLLATE "C", opening bigint
) ON COMMIT DROP
""",
    """
CREATE TEMP TABLE statement_movement (account_id int, kind smallint, month text, amount bigint) ON COMMIT DROP
""",
    """
CREATE TEMP TABLE statement_content (
  party text COLLATE "C", currency text COLLATE "C", kind smallint, content_id text COLLATE "C",
  koc_id text COLLATE "C", lines bigint, amount bigint
) ON COMMIT DROP
""",
    """
CREATE TEMP TABLE statement_shortfall (
  party text COLLATE "C", currency text COLLATE "C", kind smallint, about text COLLATE "C", amount bigint
) ON COMMIT DROP
""",
)
OPENINGS = """
SELECT s.account_id, sum(s.amount_minor)::bigint FROM period_sum s JOIN (
  SELECT DISTINCT ON (period) period, revision FROM period_close
  WHERE period < %(period)s AND closed_at <= %(closed_at)s ORDER BY period, revision DESC
) latest USING (period, revision) GROUP BY 1
"""
"""What each account held when the period began: the sums of all months before, each as closed last until then."""

MOVEMENTS = f"""
INSERT INTO statement_movement
SELECT leg.account_id, j.kind, CASE WHEN j.effective_at < %(begin)s THEN to_char({_LOCAL}, 'YYYY-MM') END,
  sum(leg.amount)
FROM journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
WHERE {_WITHIN} AND j.period = %(period)s GROUP BY 1, 2, 3
"""  # noqa: S608 - conditions of ours
UNSEALED = """
SELECT account.key, account.currency, coalesce(moved.amount, 0), coalesce(sealed.amount_minor, 0)
FROM (SELECT account_id, sum(amount) AS amount FROM statement_movement GROUP BY 1 HAVING sum(amount) <> 0) moved
FULL JOIN (
  SELECT account_id, amount_minor FROM period_sum WHERE period = %(period)s AND revision = %(revision)s
) sealed USING (account_id)
JOIN account ON account.id = account_id
WHERE moved.amount IS DISTINCT FROM sealed.amount_minor ORDER BY 1, 2 LIMIT 1
"""
"""An account whose rows do not come to what the seal covers."""

SETTLED_ROWS = f"""
SELECT j.idem_key, j.kind, j.currency, j.order_id, j.line_id, j.writer, j.accounts, j.amounts,
  planned.buyer_id, planned.settled_accounts, planned.settled_amounts, planned.parts
FROM journal j LEFT JOIN run_line planned
  ON planned.run = split_part(j.idem_key, '|', 2) AND planned.partition = j.writer AND planned.order_id = j.order_id
  AND planned.line_id = j.line_id AND planned.buyer_id = substring(j.idem_key FROM '/[^|/]+/([^|/]+)')
WHERE {_WITHIN} AND j.period = %(period)s AND j.kind = ANY(%(settled)s)
"""  # noqa: S608 - conditions of ours
RUN_LINES = """
SELECT wanted.number, run.id, r.settled_accounts, r.settled_amounts, r.parts
FROM unnest(%(partitions)s::int[], %(orders)s::text[], %(lines)s::text[], %(buyers)s::text[]) WITH ORDINALITY
  AS wanted (partition, order_id, line_id, buyer_id, number)
CROSS JOIN run JOIN run_line r ON r.run = run.id AND r.partition = wanted.partition AND r.order_id = wanted.order_id
  AND r.line_id = wanted.line_id AND r.buyer_id = wanted.buyer_id
ORDER BY wanted.number, run.planned_at, run.id
"""

ACCOUNT_OPENINGS = "SELECT party, currency, account, opening FROM statement_account WHERE opening <> 0 ORDER BY 1, 2, 3"
ACCOUNT_MOVEMENTS = """
SELECT a.party, a.currency, a.account, m.kind, m.month, m.amount
FROM statement_movement m JOIN statement_account a ON a.id = m.account_id WHERE m.amount <> 0 ORDER BY 1, 2, 3, 4, 5
"""
CONTENT_SHARES = """
SELECT party, currency, kind, content_id, koc_id, sum(lines)::bigint, sum(amount)::bigint FROM statement_content
GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3, 4, 5
"""
ORDER_REVERSALS = f"""
SELECT party, currency, kind, about, sum(amount)::bigint FROM (
  SELECT a.party, a.currency, j.kind, coalesce(j.order_id, split_part(j.idem_key, '|', 4)) COLLATE "C" AS about,
    leg.amount
  FROM journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
  JOIN statement_account a ON a.id = leg.account_id
  WHERE {_WITHIN} AND j.period = %(period)s AND j.kind = ANY(%(reversed_of_parties)s) AND (
    a.account LIKE 'clawback:%%' OR a.account LIKE 'brand:%%:receivable' AND j.kind = ANY(%(reversed_of_brands)s)
  )
  UNION ALL SELECT party, currency, kind, about, amount FROM statement_shortfall
) reversal GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - conditions of ours
PAYOUT_STATES = f"""
WITH moved AS (
  SELECT j.seq, j.kind, j.period, j.effective_at, coalesce(by_id.id, by_set.id) AS payout
  FROM journal j LEFT JOIN payout by_id ON by_id.id = split_part(j.idem_key, '|', 2)
  LEFT JOIN payout by_set ON by_set.batch = split_part(j.idem_key, '|', 2)
    AND by_set.party = split_part(j.idem_key, '|', 3) AND by_set.currency = split_part(j.idem_key, '|', 4)
  WHERE {_WITHIN} AND j.writer = %(writer)s AND j.kind BETWEEN {_PAYOUTS_BEGIN} AND {_PAYOUTS_END}
), state AS (
  SELECT payout, (array_agg(kind ORDER BY seq DESC))[1] AS kind, (array_agg(effective_at ORDER BY seq))[1] AS begun_at,
    (array_agg(effective_at ORDER BY seq DESC))[1] AS moved_at, min(period) AS begun_in, max(period) AS moved_in
  FROM moved GROUP BY 1
)
SELECT p.party COLLATE "C", p.currency COLLATE "C", p.id, p.rail, p.amount_minor, p.withheld_minor, state.kind,
  begun_at, moved_at
FROM state JOIN payout p ON p.id = state.payout
WHERE begun_in <= %(period)s AND (moved_in >= %(period)s OR state.kind = {_PAYOUTS_BEGIN})
ORDER BY 1, 2, begun_at, p.id COLLATE "C"
"""  # noqa: S608 - conditions of ours
RECEIPTS = f"""
SELECT a.party, a.currency, split_part(j.idem_key, '|', 2) COLLATE "C", j.effective_at, -leg.amount
FROM journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
JOIN statement_account a ON a.id = leg.account_id
WHERE {_WITHIN} AND j.period = %(period)s AND j.kind = {Kind.BRAND_PAID.code} AND a.account LIKE 'brand:%%:receivable'
ORDER BY 1, 2, 4, 3
"""  # noqa: S608 - conditions of ours
DAYS_OF_DEBT = f"""
SELECT a.party, a.currency, %(last_day)s::date - {_LOCAL}::date, sum(greatest(leg.amount, 0))::bigint,
  sum(greatest(-leg.amount, 0))::bigint
FROM journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
JOIN statement_account a ON a.id = leg.account_id
WHERE {_WITHIN} AND j.period <= %(period)s AND j.kind = ANY(%(billing)s) AND a.account LIKE 'brand:%%:receivable'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 DESC
"""  # noqa: S608 - conditions of ours
