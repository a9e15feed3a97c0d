"""The book: journal, lines, balances, registry and positions, with what the database itself refuses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


ARRAY_SUM = """
CREATE FUNCTION array_sum(amounts bigint[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE total bigint := 0; amount bigint;
BEGIN FOREACH amount IN ARRAY amounts LOOP total := total + amount; END LOOP; RETURN total; END $$
"""

IMMUTABLE_JOURNAL = (
    """
CREATE FUNCTION journal_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is immutable: % refused; a correction is a new entry', TG_OP
  USING ERRCODE = 'restrict_violation'; END $$
""",
    """
CREATE TRIGGER journal_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_immutable()
""",
    "ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_is_immutable",
)

GRANTS = (
    "GRANT USAGE ON SCHEMA public TO koc_writer, koc_reader",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO koc_writer, koc_reader",
    """
GRANT INSERT ON journal, account, balance, line, assertion, reference, reprice_job, reprice_progress, content_position
TO koc_writer
""",
    """
GRANT UPDATE ON writer, balance, line, assertion, reference, reprice_progress, content_position, registry_position,
relay TO koc_writer
""",
)

ROWS = (
    """
INSERT INTO writer (partition, chain_head)
SELECT n, decode(repeat('00', 32), 'hex') FROM generate_series(0, 12) n
""",
    "INSERT INTO relay (writer) SELECT n FROM generate_series(0, 12) n",
    "INSERT INTO registry_position DEFAULT VALUES",
)
"""One writer for each of the 12 partitions of the credits topic, and writer N = 12."""


def upgrade() -> None:
    """Create the tables, make the journal immutable, grant each role what it needs, and set the positions to zero."""
    op.execute(ARRAY_SUM)
    _book()
    _lines()
    _registry()
    _positions()
    for statement in (*IMMUTABLE_JOURNAL, *GRANTS, *ROWS):
        op.execute(statement)


def _book() -> None:
    """Accounts, balances and the journal."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="owner:id:purpose"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", "currency"),
    )
    op.create_table(
        "balance",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("entries", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "journal",
        sa.Column("writer", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idem_key", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("line_id", sa.Text(), nullable=True),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("accounts", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("amounts", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(array_sum(amounts) = 0) IS TRUE AND cardinality(accounts) = cardinality(amounts)"
            " AND cardinality(amounts) >= 2",
            name="journal_balanced",
        ),
        sa.PrimaryKeyConstraint("writer", "seq"),
        sa.UniqueConstraint("idem_key"),
    )
    op.create_index("journal_by_line", "journal", ["order_id", "line_id"], unique=False)
    op.create_table(
        "period",
        sa.Column("id", sa.String(length=7), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _lines() -> None:
    """Order lines, and the assertion that each stands on."""
    op.create_table(
        "line",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False, comment="its writer"),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("vector", sa.ARRAY(sa.BigInteger()), nullable=False, comment="accepted: log, rules, touch, order"),
        sa.Column(
            "joined",
            sa.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="join of all vectors seen; above vector = incomplete",
        ),
        sa.Column(
            "below_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the line fell below its join; null = complete",
        ),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False, comment="of the fields that decide money"),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("koc_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="registry revision it was priced at"),
        sa.Column("unpriced", sa.Text(), nullable=True, comment="why no plan prices it (part of it); null = priced"),
        sa.Column(
            "unpriced_minor", sa.BigInteger(), server_default="0", nullable=False, comment="base that no plan prices"
        ),
        sa.Column("quarantined", sa.Text(), nullable=True, comment="why it is frozen at what is booked; null = not"),
        sa.Column("accounts", sa.ARRAY(sa.Integer()), nullable=False, comment="booked net position, with amounts"),
        sa.Column("amounts", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("booked_steps", sa.ARRAY(sa.Text()), nullable=False, comment="event ids of booked steps"),
        sa.PrimaryKeyConstraint("order_id", "line_id", "buyer_id"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("line_by_partition", "line", ["partition", "order_id", "line_id", "buyer_id"], unique=False)
    op.create_index(
        "line_one_standing", "line", ["order_id", "line_id"], unique=True, postgresql_where=sa.text("standing")
    )
    op.create_index(
        "line_quarantined", "line", ["partition"], unique=False, postgresql_where=sa.text("quarantined IS NOT NULL")
    )
    op.create_index("line_second_owner", "line", ["partition"], unique=False, postgresql_where=sa.text("NOT standing"))
    op.create_index(
        "line_unpriced", "line", ["partition"], unique=False, postgresql_where=sa.text("unpriced IS NOT NULL")
    )
    op.create_table(
        "assertion",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="its offset in the credits partition"),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the accepted assertion, bytes as read"),
        sa.PrimaryKeyConstraint("order_id", "line_id", "buyer_id"),
        postgresql_with={"fillfactor": 85},
    )


def _registry() -> None:
    """Reference data, what it moved, and what it makes to be priced again."""
    op.create_table(
        "reference",
        sa.Column("kind", sa.Text(), nullable=False, comment="the event_type"),
        sa.Column(
            "identity",
            sa.Text(),
            nullable=False,
            comment="plan_id|version, koc_id|effective_from, content_id, spend_id",
        ),
        sa.Column(
            "body",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the standing event: the newest offset of its identity",
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "identity"),
        comment="Plans, relations, contents, fee acceptances and spend as published",
    )
    op.create_index("reference_by_revision", "reference", ["revision"], unique=False)
    op.create_table(
        "content_position",
        sa.Column("kind", sa.Text(), nullable=False, comment="script_fee or spend"),
        sa.Column("identity", sa.Text(), nullable=False, comment="content_id or spend_id"),
        sa.Column("accounts", sa.ARRAY(sa.Integer()), nullable=False, comment="booked net position, with amounts"),
        sa.Column("amounts", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("kind", "identity"),
        comment="What writer N has booked of registry events that move money by themselves",
    )
    op.create_table(
        "reprice_job",
        sa.Column(
            "id", sa.BigInteger(), autoincrement=False, nullable=False, comment="first registry offset of its batch"
        ),
        sa.Column(
            "scope",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what is affected: plan scopes, kocs, range of paid_at",
        ),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reprice_progress",
        sa.Column("job", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column(
            "last_key",
            sa.ARRAY(sa.Text()),
            nullable=True,
            comment="order_id, line_id, buyer_id of the last line worked; null = none yet",
        ),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["reprice_job.id"],
        ),
        sa.PrimaryKeyConstraint("job", "partition"),
    )


def _positions() -> None:
    """How far each reader and writer is."""
    op.create_table(
        "writer",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "topic_id",
            sa.Text(),
            nullable=True,
            comment="Kafka's id of the credits topic; null until first read, and for writer N",
        ),
        sa.Column(
            "generation",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="how many topic ids came before this one",
        ),
        sa.Column("next_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "chain_head",
            sa.LargeBinary(),
            nullable=False,
            comment="hash of the entry with number seq; 32 zero bytes at 0",
        ),
        sa.Column(
            "join_open", sa.BigInteger(), server_default="0", nullable=False, comment="its lines below their join"
        ),
        sa.PrimaryKeyConstraint("partition"),
        comment="Holding a row's lock is being the writer of that partition; writer N = partition count owns no line",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "registry_position",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=True),
        sa.Column("next_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("one", name="registry_position_is_one"),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "relay",
        sa.Column("writer", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="last entry acknowledged by the ledger topic",
        ),
        sa.PrimaryKeyConstraint("writer"),
    )
