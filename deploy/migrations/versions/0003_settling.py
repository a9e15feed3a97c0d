"""Settling: what a line has settled and when it is due, every version of the registry's facts, and runs.

Existing books are carried over. The content hash of a line now covers `new_customer`, so that each is computed anew
from the kept assertion, after the old one was found again. A reprice job over all lines lets the posters work out
`settle_at` and leave the hints in `due`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.kernel.errors import InvariantBroken

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CHUNK = 5_000
_MOMENT = sa.DateTime(timezone=True)

GRANTS = (
    """
GRANT SELECT ON due, terms, party_leg, run, run_line, run_progress, run_content, run_party, run_skip, tier_counter,
bonus_slot, budget_line TO koc_writer, koc_reader
""",
    """
GRANT INSERT ON due, terms, party_leg, run, run_line, run_progress, run_content, run_party, run_skip, tier_counter,
bonus_slot, budget_line TO koc_writer
""",
    "GRANT UPDATE ON run, run_progress, tier_counter, budget_line TO koc_writer",
    "GRANT DELETE ON due TO koc_writer",
    "REVOKE UPDATE ON reference FROM koc_writer",
)

FIRST_ENTRIES = """
CREATE TEMP TABLE first_entry ON COMMIT DROP AS
SELECT order_id, line_id, substring(idem_key FROM '/[^|/]+/([^|/]+)') AS buyer_id, min(seq) AS seq
FROM journal WHERE order_id IS NOT NULL GROUP BY 1, 2, 3
"""
HASHES = """
CREATE TEMP TABLE content (order_id text, line_id text, buyer_id text, hash bytea,
PRIMARY KEY (order_id, line_id, buyer_id)) ON COMMIT DROP
"""
CARRY_LINES = """
UPDATE line SET content_hash = coalesce(content.hash, line.content_hash), first_seq = first_entry.seq
FROM line AS old
LEFT JOIN content USING (order_id, line_id, buyer_id) LEFT JOIN first_entry USING (order_id, line_id, buyer_id)
WHERE line.order_id = old.order_id AND line.line_id = old.line_id AND line.buyer_id = old.buyer_id
"""
RESTORE_HASHES = """
UPDATE line SET content_hash = content.hash FROM content
WHERE line.order_id = content.order_id AND line.line_id = content.line_id AND line.buyer_id = content.buyer_id
"""
PARTY_LEGS = """
INSERT INTO party_leg (account_id, writer, seq, amount_minor, effective_at, order_id, line_id, kind)
SELECT leg.account_id, j.writer, j.seq, leg.amount, j.effective_at, j.order_id, j.line_id, j.kind
FROM journal j, unnest(j.accounts, j.amounts) AS leg (account_id, amount) JOIN account a ON a.id = leg.account_id
WHERE a.key LIKE 'clawback:%'
"""
"""Revision 0002 booked nothing on payable and held accounts."""

CONTENT_CURRENCIES = (
    "DELETE FROM content_position WHERE cardinality(accounts) = 0",
    "UPDATE content_position c SET currency = a.currency FROM account a WHERE a.id = c.accounts[1]",
)
REPRICE_ALL = (
    """
INSERT INTO reprice_job (id, scope, cause, effective_at)
SELECT least(0, min(id)) - 1, '{"brands": null, "kocs": [], "paid_from": 0, "paid_to": null}',
  'migration 0003: when each line is due', now()
FROM reprice_job HAVING EXISTS (SELECT FROM line)
""",
    """
INSERT INTO reprice_progress (job, partition)
SELECT (SELECT min(id) FROM reprice_job), partition FROM writer
WHERE EXISTS (SELECT FROM line) AND partition < (SELECT max(partition) FROM writer)
""",
)
"""Its number is below all others, and offsets are never below 0: no later job of the registry has it."""

COMMENTS = (
    "COMMENT ON TABLE reference IS 'Every version of every registry event'",
    "COMMENT ON COLUMN reference.position IS 'the newest of an identity stands'",
    "COMMENT ON COLUMN reference.body IS 'the event as published'",
    "COMMENT ON COLUMN reprice_job.id IS 'first registry offset of its batch; below 0: a migration''s'",
)
OLD_COMMENTS = (
    "COMMENT ON TABLE reference IS 'Plans, relations, contents, fee acceptances and spend as published'",
    "COMMENT ON COLUMN reference.position IS NULL",
    "COMMENT ON COLUMN reference.body IS 'the standing event: the newest offset of its identity'",
    "COMMENT ON COLUMN reprice_job.id IS 'first registry offset of its batch'",
)

SETTLED = "SELECT count(*) FROM run"
STANDING_FACTS = """
DELETE FROM reference r WHERE EXISTS (
  SELECT FROM reference newer
  WHERE newer.kind = r.kind AND newer.identity = r.identity AND newer.position > r.position
)
"""


def upgrade() -> None:
    """Add tables and columns, and fill the columns from what is stored."""
    _line_columns()
    _settling_tables()
    _run_tables()
    _run_results()
    _counters()
    op.add_column(
        "registry_position",
        sa.Column(
            "zone_minutes", sa.Integer(), comment="the settlement zone, minutes east of UTC; null until the first start"
        ),
    )
    _keep_versions()
    _content_currency()
    op.execute(FIRST_ENTRIES)
    _hash_again(old_content_hash, content_hash)
    for statement in (CARRY_LINES, PARTY_LEGS, *REPRICE_ALL, *GRANTS, *COMMENTS):
        op.execute(statement)


def downgrade() -> None:
    """Go back, as long as no run was planned; an open job over all lines is left, it changes nothing."""
    if op.get_bind().execute(sa.text(SETTLED)).scalar_one():
        raise InvariantBroken("the books have settlement runs: revision 0002 cannot hold what they settled")
    _hash_again(content_hash, old_content_hash)
    op.execute(RESTORE_HASHES)
    for table in (
        "budget_line", "bonus_slot", "tier_counter", "run_skip", "run_party", "run_content", "run_progress", "run_line",
        "run", "party_leg", "terms", "due",
    ):  # fmt: skip
        op.drop_table(table)
    for column in ("first_seq", "settle_at", "terms", "settled_accounts", "settled_amounts", "grants"):
        op.drop_column("line", column)
    op.drop_column("registry_position", "zone_minutes")
    op.execute(STANDING_FACTS)
    op.drop_constraint("reference_pkey", "reference")
    op.create_primary_key("reference_pkey", "reference", ["kind", "identity"])
    op.execute("GRANT UPDATE ON reference TO koc_writer")
    op.execute(CONTENT_CURRENCIES[0])
    op.drop_constraint("content_position_pkey", "content_position")
    for column in ("currency", "settled_accounts", "settled_amounts"):
        op.drop_column("content_position", column)
    op.create_primary_key("content_position_pkey", "content_position", ["kind", "identity"])
    for statement in OLD_COMMENTS:
        op.execute(statement)


def _line_columns() -> None:
    """What a line has settled, by which terms, and when it is due; none of it is indexed, so that updates stay HOT."""
    for column in (
        sa.Column("first_seq", sa.BigInteger(), comment="number of its first journal row, which later ones correct"),
        sa.Column("settle_at", _MOMENT, comment="when a run may settle it; null = nothing of it waits for that"),
        sa.Column(
            "terms", sa.Integer(), comment="id of the terms that its first settlement froze; null = never settled"
        ),
        *_settled(),
        sa.Column("grants", JSONB(), comment="what runs granted to its credits; null = nothing"),
    ):
        op.add_column("line", column)


def _settled() -> tuple[sa.Column[Any], sa.Column[Any]]:
    """Ids of accounts, and amounts."""
    return (
        sa.Column(
            "settled_accounts", ARRAY(sa.Integer()), nullable=False, server_default="{}",
            comment="what runs have settled",
        ),
        sa.Column("settled_amounts", ARRAY(sa.BigInteger()), nullable=False, server_default="{}"),
    )  # fmt: skip


def _settling_tables() -> None:
    """What whoever books writes beside lines and journal."""
    op.create_table(
        "due",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("settle_on", sa.Date(), nullable=False, comment="UTC date of the line's settle_at as it was then"),
        *_line_key(primary=False),
        comment="Hints where a run finds lines to settle; a hint may be stale, the line decides",
    )
    op.create_index("due_by_day", "due", ["partition", "settle_on"])
    op.create_table(
        "terms",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column(
            "registry_offset", sa.BigInteger(), nullable=False, comment="the registry counts up to it, without it"
        ),
        sa.Column("as_of", _MOMENT, nullable=False, comment="of the run; it chooses the house settings"),
        sa.UniqueConstraint("registry_offset", "as_of"),
    )
    op.create_table(
        "party_leg",
        sa.Column("account_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("writer", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", _MOMENT, nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("line_id", sa.Text()),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        comment="The journal's legs on payable, held and clawback accounts, by account",
    )


def _line_key(*, primary: bool) -> list[sa.Column[Any]]:
    """The columns that name a line."""
    names = ("order_id", "line_id", "buyer_id")
    return [sa.Column(name, sa.Text(), primary_key=primary, nullable=False) for name in names]


def _run_tables() -> None:
    """A run, its plan, and how far it is applied."""
    op.create_table(
        "run",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("as_of", _MOMENT, nullable=False),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="planned, applied (lines and contents), done (nets too)"
        ),
        sa.Column(
            "point", JSONB(), nullable=False, comment="how far logs, registry, commands and journal were read"
        ),
        sa.Column(
            "terms", sa.Integer(), nullable=False, comment="id of the terms of the lines that it settles first"
        ),
        sa.Column("plan_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("planned_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.CheckConstraint("status IN ('planned', 'applied', 'done')", name="run_status"),
    )  # fmt: skip
    op.create_table(
        "run_line",
        _of_run(),
        sa.Column("partition", sa.SmallInteger(), primary_key=True, autoincrement=False),
        *_line_key(primary=True),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="offset of the assertion that planned it"),
        sa.Column("settled_accounts", ARRAY(sa.Integer()), nullable=False, comment="settled of it after the run"),
        sa.Column("settled_amounts", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("grants", JSONB(), comment="what is granted to its credits; null = nothing"),
        sa.Column("parts", JSONB(), nullable=False, comment="what each credit earned, for statements"),
    )  # fmt: skip
    op.create_table(
        "run_progress",
        _of_run(),
        sa.Column("partition", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column(
            "last_key", ARRAY(sa.Text()),
            comment="order_id, line_id, buyer_id of the last line applied; null = none yet",
        ),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )  # fmt: skip


def _run_results() -> None:
    """A run's script fees, nets, and what it leaves out."""
    op.create_table(
        "run_content",
        _of_run(),
        sa.Column("identity", sa.Text(), primary_key=True, comment="content_id"),
        sa.Column("currency", sa.String(length=3), primary_key=True),
        sa.Column(
            "settled_accounts", ARRAY(sa.Integer()), nullable=False, comment="what is settled of its fee after the run"
        ),
        sa.Column("settled_amounts", ARRAY(sa.BigInteger()), nullable=False),
    )
    op.create_table(
        "run_party",
        _of_run(),
        sa.Column("party", sa.Text(), primary_key=True, comment="ROLE:ID"),
        sa.Column("currency", sa.String(length=3), primary_key=True),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False, comment="what the run settles for it"),
        sa.Column("reserve_minor", sa.BigInteger(), nullable=False, comment="what is held back of that"),
        sa.Column("reserve_until", _MOMENT, comment="null = there is no reserve"),
        sa.Column("written_back_minor", sa.BigInteger(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("netted_payable_minor", sa.BigInteger(), nullable=False),
        sa.Column("netted_held_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_delta_minor", sa.BigInteger(), nullable=False, comment="above zero: placed; below: released"),
    )
    op.create_table(
        "run_skip",
        _of_run(),
        sa.Column("reason", sa.Text(), primary_key=True),
        sa.Column("currency", sa.String(length=3), primary_key=True),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        comment="Lines that were due and are not settled by the run, counted by why",
    )


def _of_run() -> sa.Column[Any]:
    """The run that a row belongs to."""
    return sa.Column("run", sa.Text(), sa.ForeignKey("run.id"), primary_key=True)


def _counters() -> None:
    """What runs count across lines."""
    op.create_table(
        "tier_counter",
        sa.Column("plan_id", sa.Text(), primary_key=True),
        sa.Column("koc_id", sa.Text(), primary_key=True),
        sa.Column("month", sa.String(length=7), primary_key=True, comment="of paid_at in the plan's zone"),
        sa.Column("currency", sa.String(length=3), primary_key=True),
        sa.Column(
            "base_minor", sa.BigInteger(), nullable=False, comment="sales at their first settlement; never reduced"
        ),
    )
    op.create_table(
        "bonus_slot",
        sa.Column("brand_id", sa.Text(), primary_key=True),
        sa.Column("buyer_id", sa.Text(), primary_key=True),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), sa.ForeignKey("run.id"), nullable=False),
        comment="A buyer is new to a brand once: the line that got the bonus",
    )
    op.create_table(
        "budget_line",
        sa.Column("campaign_id", sa.Text(), primary_key=True),
        sa.Column("currency", sa.String(length=3), primary_key=True),
        *_line_key(primary=True),
        sa.Column("charged_minor", sa.BigInteger(), nullable=False, comment="what the line takes of the budget"),
        sa.Column(
            "vector", ARRAY(sa.BigInteger()), nullable=False, comment="the line's state at which that was worked out"
        ),
        sa.Column("worthless", sa.Boolean(), nullable=False, comment="the line was denied or displaced then"),
        comment="What granted lines charge their campaigns' budgets, as of the last run",
    )  # fmt: skip


def _keep_versions() -> None:
    """From now on a newer event of an identity stands beside the older ones."""
    op.drop_constraint("reference_pkey", "reference")
    op.create_primary_key("reference_pkey", "reference", ["kind", "identity", "position"])


def _content_currency() -> None:
    """A content's position in each currency; one of nothing says nothing."""
    op.add_column("content_position", sa.Column("currency", sa.String(length=3)))
    for column in _settled():
        op.add_column("content_position", column)
    for statement in CONTENT_CURRENCIES:
        op.execute(statement)
    op.alter_column("content_position", "currency", nullable=False)
    op.drop_constraint("content_position_pkey", "content_position")
    op.create_primary_key("content_position_pkey", "content_position", ["kind", "identity", "currency"])


# Content hashes, as the services computed them at these revisions: later changes of the services change nothing here.

_Content = tuple[object, ...]
_Hash = Callable[[dict[str, Any]], bytes]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _hash_again(before: _Hash, after: _Hash) -> None:
    """Fill the table `content` with new hashes of all kept assertions.

    Raises:
        InvariantBroken: a line's stored hash is not the one of its assertion.
    """
    connection = op.get_bind()
    connection.execute(sa.text(HASHES))
    read = sa.text("""
        SELECT a.order_id, a.line_id, a.buyer_id, a.raw, l.content_hash
        FROM assertion a JOIN line l USING (order_id, line_id, buyer_id)
        WHERE (a.order_id, a.line_id, a.buyer_id) > (:order_id, :line_id, :buyer_id)
        ORDER BY a.order_id, a.line_id, a.buyer_id LIMIT :chunk
    """)
    write = sa.text("""
        INSERT INTO content SELECT * FROM unnest(:orders ::text[], :lines ::text[], :buyers ::text[], :hashes ::bytea[])
    """)
    last = ("", "", "")
    while rows := connection.execute(read, {**_named(last), "chunk": _CHUNK}).all():
        hashes = [_hash(row, before, after) for row in rows]
        orders, lines, buyers = ([row[part] for row in rows] for part in range(3))
        connection.execute(write, {"orders": orders, "lines": lines, "buyers": buyers, "hashes": hashes})
        last = (orders[-1], lines[-1], buyers[-1])


def _named(key: Iterable[str]) -> dict[str, str]:
    """A line's key as parameters."""
    return dict(zip(("order_id", "line_id", "buyer_id"), key, strict=True))


def _hash(row: Sequence[Any], before: _Hash, after: _Hash) -> bytes:
    """A line's new hash, once its assertion was seen to have the old one."""
    order_id, line_id, buyer_id, raw, stored = row
    assertion = json.loads(bytes(raw))
    if before(assertion) != bytes(stored):
        raise InvariantBroken(
            f"the content hash of line {order_id}/{line_id}/{buyer_id} is not that of its kept assertion: "
            "`koc ledger verify` of the version before this one says more"
        )
    return after(assertion)


def old_content_hash(assertion: dict[str, Any]) -> bytes:
    """At revision 0002."""
    return _digest((*_fields(assertion), *_lists(assertion)))


def content_hash(assertion: dict[str, Any]) -> bytes:
    """At revision 0003."""
    return _digest((*_fields(assertion), assertion["new_customer"], *_lists(assertion)))


def _fields(assertion: dict[str, Any]) -> _Content:
    return (
        assertion["buyer_id"],
        assertion["platform"],
        assertion["brand_id"],
        assertion["product_id"],
        assertion.get("category_id"),
        assertion["currency"],
        assertion["goods_paid_minor"],
        assertion["platform_discount_minor"],
        assertion["refunded_minor"],
        assertion["status"],
        _micros(assertion["paid_at"]),
        _micros(assertion.get("received_at")),
        _micros(assertion.get("completed_at")),
        assertion["policy"],
    )


def _lists(assertion: dict[str, Any]) -> _Content:
    steps = [(s["event_id"], _micros(s["at"]), s["refunded_minor"], s["cancelled"]) for s in assertion["steps"]]
    credited = [
        (c["content_id"], c["koc_id"], c.get("campaign_id"), c["traffic"], c["weight_ppm"])
        for c in assertion["credits"]
    ]
    return steps, credited


def _digest(content: _Content) -> bytes:
    return blake2b(repr(content).encode(), digest_size=16).digest()


def _micros(text: str | None) -> int | None:
    """Microseconds since the epoch of an RFC 3339 time."""
    return None if text is None else (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
