"""The tables of settlement runs: what a run plans, how far it is applied, and what runs count across lines.

Same conventions as tables.py. A row of `run` and its plan appear in one transaction; applying it moves run_progress.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.settlement.books.tables import metadata

_Moment = DateTime(timezone=True)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("as_of", _Moment, nullable=False),
    Column("status", Text, nullable=False, comment="planned, applied (lines and contents), done (nets too)"),
    Column("point", JSONB, nullable=False, comment="how far logs, registry, commands and journal were read"),
    Column("terms", Integer, nullable=False, comment="id of the terms of the lines that it settles first"),
    Column("plan_sha256", LargeBinary, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    Column("planned_at", _Moment, nullable=False),
    Column("done_at", _Moment),
    CheckConstraint("status IN ('planned', 'applied', 'done')", name="run_status"),
)

run_line = Table(
    "run_line",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("order_id", Text, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, comment="offset of the assertion that planned it"),
    Column("settled_accounts", ARRAY(Integer), nullable=False, comment="settled of it after the run"),
    Column("settled_amounts", ARRAY(BigInteger), nullable=False),
    Column("grants", JSONB, comment="what is granted to its credits; null = nothing"),
    Column("parts", JSONB, nullable=False, comment="what each credit earned, for statements"),
)

run_progress = Table(
    "run_progress",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("last_key", ARRAY(Text), comment="order_id, line_id, buyer_id of the last line applied; null = none yet"),
    Column("done", Boolean, nullable=False, server_default=text("false")),
)

run_content = Table(
    "run_content",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("identity", Text, primary_key=True, comment="content_id"),
    Column("currency", String(3), primary_key=True),
    Column("settled_accounts", ARRAY(Integer), nullable=False, comment="what is settled of its fee after the run"),
    Column("settled_amounts", ARRAY(BigInteger), nullable=False),
)

run_party = Table(
    "run_party",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("party", Text, primary_key=True, comment="ROLE:ID"),
    Column("currency", String(3), primary_key=True),
    Column("settled_minor", BigInteger, nullable=False, comment="what the run settles for it"),
    Column("reserve_minor", BigInteger, nullable=False, comment="what is held back of that"),
    Column("reserve_until", _Moment, comment="null = there is no reserve"),
    Column("written_back_minor", BigInteger, nullable=False),
    Column("released_minor", BigInteger, nullable=False),
    Column("netted_payable_minor", BigInteger, nullable=False),
    Column("netted_held_minor", BigInteger, nullable=False),
    Column("held_delta_minor", BigInteger, nullable=False, comment="above zero: placed; below: released"),
)

run_skip = Table(
    "run_skip",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("lines", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    comment="Lines that were due and are not settled by the run, counted by why",
)

tier_counter = Table(
    "tier_counter",
    metadata,
    Column("plan_id", Text, primary_key=True),
    Column("koc_id", Text, primary_key=True),
    Column("month", String(7), primary_key=True, comment="of paid_at in the plan's zone"),
    Column("currency", String(3), primary_key=True),
    Column("base_minor", BigInteger, nullable=False, comment="sales at their first settlement; never reduced"),
)

bonus_slot = Table(
    "bonus_slot",
    metadata,
    Column("brand_id", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("run", ForeignKey("run.id"), nullable=False),
    comment="A buyer is new to a brand once: the line that got the bonus",
)

budget_line = Table(
    "budget_line",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("charged_minor", BigInteger, nullable=False, comment="what the line takes of the budget"),
    Column("vector", ARRAY(BigInteger), nullable=False, comment="the line's state at which that was worked out"),
    Column("worthless", Boolean, nullable=False, comment="the line was denied or displaced then"),
    comment="What granted lines charge their campaigns' budgets, as of the last run",
)
