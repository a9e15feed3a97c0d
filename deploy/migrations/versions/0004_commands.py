"""Commands: every decision that is no event, in one gapless chain, each under the name of who made it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IMMUTABLE = (
    """
CREATE FUNCTION command_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'commands are immutable: % refused; a correction is a new command', TG_OP
  USING ERRCODE = 'restrict_violation'; END $$
""",
    """
CREATE TRIGGER command_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON command
FOR EACH STATEMENT EXECUTE FUNCTION command_is_immutable()
""",
    "ALTER TABLE command ENABLE ALWAYS TRIGGER command_is_immutable",
)

TRUE_TO_LIFE = (
    """
CREATE FUNCTION command_is_true() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last_seq bigint; last_hash bytea;
BEGIN
  IF NEW."by" <> session_user THEN
    RAISE EXCEPTION 'a command of % cannot be recorded by %', NEW."by", session_user
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NOT pg_has_role(session_user, 'koc_operator', 'member') THEN
    RAISE EXCEPTION '% is no personal login in the role koc_operator', session_user
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.at <> now() THEN
    RAISE EXCEPTION 'a command is recorded at the time of its transaction, not at %', NEW.at
      USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT seq, hash INTO last_seq, last_hash FROM command ORDER BY seq DESC LIMIT 1;
  IF NEW.seq <> coalesce(last_seq, 0) + 1 OR NEW.prev_hash <> coalesce(last_hash, decode(repeat('00', 32), 'hex')) THEN
    RAISE EXCEPTION 'command % does not follow command %', NEW.seq, coalesce(last_seq, 0)
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.kind = 'adjustment.posted' AND NOT EXISTS (
    SELECT FROM command WHERE id = NEW.body ->> 'proposal' AND kind = 'adjustment.proposed' AND "by" <> NEW."by"
  ) THEN
    RAISE EXCEPTION 'an adjustment is approved by somebody else than who proposed it'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
""",
    "CREATE TRIGGER command_is_true BEFORE INSERT ON command FOR EACH ROW EXECUTE FUNCTION command_is_true()",
    "ALTER TABLE command ENABLE ALWAYS TRIGGER command_is_true",
)

GRANTS = (
    "GRANT SELECT ON command, command_relay TO koc_writer, koc_reader",
    "GRANT INSERT ON command TO koc_operator",
    "GRANT UPDATE ON command_relay TO koc_writer",
)


def upgrade() -> None:
    """Create the table and the relay's place in it; keep it true and unchanged; let operators add to it."""
    op.create_table(
        "command",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="session_user of a personal login in koc_operator"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False, comment="what was asked for"),
        sa.Column("point", postgresql.JSONB(), nullable=True, comment="where the books stood"),
        sa.Column("result", postgresql.JSONB(), nullable=False, comment="what came of it"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False, comment="32 zero bytes for the first"),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        comment="Decisions that are no events; written under writer N, in the transaction that takes effect",
    )
    op.create_table(
        "command_relay",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False, comment="last command acknowledged"),
        sa.CheckConstraint("one", name="command_relay_is_one"),
        sa.PrimaryKeyConstraint("one"),
    )
    op.execute("INSERT INTO command_relay DEFAULT VALUES")
    for statement in (*IMMUTABLE, *TRUE_TO_LIFE, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Go back; commands are lost, what they did to the books stays."""
    op.drop_table("command_relay")
    op.drop_table("command")
    op.execute("DROP FUNCTION command_is_immutable, command_is_true")
