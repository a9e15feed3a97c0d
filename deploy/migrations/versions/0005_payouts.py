"""Payouts, closed periods and statements; tax, refusals and fees of banks have accounts and kinds of their own.

Who books decides nothing: only personal logins in koc_operator may write these tables. Payee data is seen by koc_payer
alone. The trigger on commands also holds that nobody approves what they proposed themselves. A seal never changes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.kernel.errors import InvariantBroken

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_MOMENT = sa.DateTime(timezone=True)
PAYOUTS = ("payout_batch", "payout_net", "payout", "payout_file", "payout_reply")
PERIODS = ("period_close", "period_sum", "statement", "statement_relay")

GRANTS = (
    f"GRANT SELECT ON {', '.join((*PAYOUTS, *PERIODS))} TO koc_writer, koc_reader",
    f"GRANT INSERT ON {', '.join((*PAYOUTS, *PERIODS[:3]))}, period TO koc_operator",
    "GRANT UPDATE ON payout_batch, payout, period, period_close, period_sum TO koc_operator",
    "GRANT DELETE ON period_sum TO koc_operator",
    "GRANT UPDATE ON statement_relay TO koc_writer",
    "GRANT SELECT, INSERT ON payee TO koc_payer",
)

FOUR_EYES = """
CREATE FUNCTION command_has_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE proposal text; wanted text;
BEGIN
  CASE NEW.kind
    WHEN 'payout.approved' THEN proposal := NEW.body ->> 'batch'; wanted := 'payout.proposed';
    WHEN 'period.reopened' THEN proposal := NEW.body ->> 'proposal'; wanted := 'period.reopen_proposed';
    ELSE RETURN NEW;
  END CASE;
  IF NOT EXISTS (SELECT FROM command WHERE id = proposal AND kind = wanted AND "by" <> NEW."by") THEN
    RAISE EXCEPTION '% is given by somebody else than who proposed it', NEW.kind
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
FOUR_EYES_TRIGGER = (
    """
CREATE TRIGGER command_has_four_eyes BEFORE INSERT ON command FOR EACH ROW EXECUTE FUNCTION command_has_four_eyes()
""",
    "ALTER TABLE command ENABLE ALWAYS TRIGGER command_has_four_eyes",
)

SEALED = (
    """
CREATE FUNCTION period_close_is_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM command WHERE id = OLD.command) THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'DELETE'
    OR (NEW.period, NEW.revision, NEW.cut, NEW.offsets, NEW.previous_seal, NEW.seal, NEW.command, NEW.closed_by,
      NEW.closed_at) IS DISTINCT FROM (OLD.period, OLD.revision, OLD.cut, OLD.offsets, OLD.previous_seal, OLD.seal,
      OLD.command, OLD.closed_by, OLD.closed_at)
    OR OLD.root IS NOT NULL AND NEW.root IS DISTINCT FROM OLD.root
    OR OLD.reopened_at IS NOT NULL
      AND (NEW.reopened_by, NEW.reopened_at) IS DISTINCT FROM (OLD.reopened_by, OLD.reopened_at)
  THEN
    RAISE EXCEPTION 'the close of % revision % is sealed: % refused', OLD.period, OLD.revision, TG_OP
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION period_sum_is_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
  FOR one IN SELECT period, revision FROM changed GROUP BY 1, 2 LOOP
    IF EXISTS (
      SELECT FROM period_close of_sum JOIN command ON command.id = of_sum.command
      WHERE of_sum.period = one.period AND of_sum.revision = one.revision
    ) THEN
      RAISE EXCEPTION 'the sums of % revision % are sealed: % refused', one.period, one.revision, TG_OP
        USING ERRCODE = 'restrict_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER period_close_is_sealed BEFORE UPDATE OR DELETE ON period_close
FOR EACH ROW EXECUTE FUNCTION period_close_is_sealed()
""",
    "ALTER TABLE period_close ENABLE ALWAYS TRIGGER period_close_is_sealed",
    *(
        statement
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
        for statement in (
            f"""
CREATE TRIGGER period_sum_{event.lower()} AFTER {event} ON period_sum REFERENCING {rows} TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION period_sum_is_sealed()
""",
            f"ALTER TABLE period_sum ENABLE ALWAYS TRIGGER period_sum_{event.lower()}",
        )
    ),
)
"""Once its command is recorded, a close changes only by getting its root and by being reopened, each once."""

USED = "SELECT (SELECT count(*) FROM payout_batch) + (SELECT count(*) FROM period_close)"


def upgrade() -> None:
    """Add the tables, their rights, and the rule of four eyes."""
    _batch_tables()
    _payout_tables()
    _file_tables()
    _period_tables()
    _statement_tables()
    op.execute("INSERT INTO statement_relay DEFAULT VALUES")
    for statement in (*GRANTS, FOUR_EYES, *FOUR_EYES_TRIGGER, *SEALED):
        op.execute(statement)


def downgrade() -> None:
    """Go back, as long as nothing was proposed and no period closed."""
    if op.get_bind().execute(sa.text(USED)).scalar_one():
        raise InvariantBroken("the books have payouts or closed periods: revision 0004 cannot hold them")
    op.execute("DROP TRIGGER command_has_four_eyes ON command")
    op.execute("DROP FUNCTION command_has_four_eyes")
    op.execute("REVOKE INSERT, UPDATE ON period FROM koc_operator")
    for table in (*reversed(PERIODS), "payee", *reversed(PAYOUTS)):
        op.drop_table(table)
    for function in ("period_close_is_sealed", "period_sum_is_sealed"):
        op.execute(f"DROP FUNCTION {function}")


def _batch_tables() -> None:
    """Batches with their nets."""
    op.create_table(
        "payout_batch",
        sa.Column("id", sa.Text(), nullable=False, comment="id of the command that proposed it"),
        sa.Column("as_of", _MOMENT, nullable=False, comment="chooses house settings and reserves"),
        sa.Column("status", sa.Text(), nullable=False, comment="proposed, approved, cancelled"),
        sa.Column("point", JSONB(), nullable=False, comment="how far logs, registry, commands and journal were read"),
        sa.Column(
            "cut", ARRAY(sa.BigInteger()), nullable=False, comment="last seq of each writer that its payouts take"
        ),
        sa.Column("plan_sha256", sa.LargeBinary(), nullable=False, comment="over its nets and payouts"),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", _MOMENT, nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'cancelled')", name="payout_batch_status"),
        sa.CheckConstraint('approved_by <> "by"', name="payout_batch_four_eyes"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "payout_net",
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False, comment="ROLE:ID"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("written_back_minor", sa.BigInteger(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("netted_payable_minor", sa.BigInteger(), nullable=False),
        sa.Column("netted_held_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_delta_minor", sa.BigInteger(), nullable=False, comment="above zero: placed; below: released"),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["payout_batch.id"],
        ),
        sa.PrimaryKeyConstraint("batch", "party", "currency"),
    )


def _payout_tables() -> None:
    """Payouts, and where parties are paid."""
    op.create_table(
        "payout",
        sa.Column(
            "id",
            sa.String(length=26),
            nullable=False,
            comment="base32 of sha256(batch|party|currency): the bank's reference",
        ),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False, comment="ROLE:ID"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="what the party gets, after tax"),
        sa.Column("withheld_minor", sa.BigInteger(), nullable=False, comment="tax kept back"),
        sa.Column(
            "authority", sa.Text(), nullable=True, comment="whom that tax is owed to; null = nothing is kept back"
        ),
        sa.Column("rail", sa.Text(), nullable=False, comment="of the party's payee.set: bank, wechat, alipay"),
        sa.Column("ref", sa.Text(), nullable=False, comment="of the party's payee.set: a token of the payee file"),
        sa.Column("status", sa.Text(), nullable=False, comment="instructed, cancelled, confirmed, rejected, returned"),
        sa.Column(
            "refused", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="and not yet released"
        ),
        sa.Column(
            "refused_at",
            sa.BigInteger(),
            nullable=True,
            comment="next registry offset when it was refused: a newer payee.set ends it",
        ),
        sa.Column("entries", sa.Integer(), nullable=False, comment="how many legs of its payable account it takes"),
        sa.Column("entries_sha256", sa.LargeBinary(), nullable=False, comment="over their entry ids"),
        sa.Column(
            "kept",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="ORDER/LINE/BUYER in an open hold or dispute: its money stays held, in no payout yet",
        ),
        sa.CheckConstraint(
            "status IN ('instructed', 'cancelled', 'confirmed', 'rejected', 'returned')", name="payout_status"
        ),
        sa.CheckConstraint("amount_minor > 0", name="payout_amount"),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["payout_batch.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("payout_of_batch", "payout", ["batch"], unique=False)
    op.create_index("payout_of_party", "payout", ["party", "currency"], unique=False)
    op.create_index("payout_refused", "payout", ["party"], unique=False, postgresql_where=sa.text("refused"))
    op.create_table(
        "payee",
        sa.Column("ref", sa.Text(), nullable=False, comment="the token that payee.set names; its row is never changed"),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False, comment="IBAN or account number, openid, or login"),
        sa.Column("bank", sa.Text(), nullable=True, comment="BIC or clearing code; null = the rail needs none"),
        sa.Column("imported_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column("imported_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("ref"),
        comment="Names and account numbers: only koc_payer may read them, and they leave it in payment files only",
    )


def _file_tables() -> None:
    """Files to banks, and their replies."""
    op.create_table(
        "payout_file",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False, comment="csv, pain.001, wechat, alipay"),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "number", sa.SmallInteger(), nullable=False, comment="of the files of one batch, form and currency; from 1"
        ),
        sa.Column("payouts", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["payout_batch.id"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "payout_reply",
        sa.Column("file_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False, comment="from 1, in the file's order"),
        sa.Column("payout", sa.Text(), nullable=False, comment="as the file names it; may be unknown"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="confirmed, rejected, returned"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("bank_ref", sa.Text(), nullable=True),
        sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finding", sa.Text(), nullable=True, comment="why nothing was booked; null = booked"),
        sa.Column("command", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("file_sha256", "row"),
    )
    op.create_index("payout_reply_of_payout", "payout_reply", ["payout"], unique=False)


def _period_tables() -> None:
    """Closes with their sums."""
    op.create_table(
        "period_close",
        sa.Column("period", sa.String(length=7), nullable=False, comment="YYYY-MM"),
        sa.Column(
            "revision",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="from 1; each reopening adds one",
        ),
        sa.Column("cut", ARRAY(sa.BigInteger()), nullable=False, comment="last seq of each writer that counts"),
        sa.Column(
            "offsets", ARRAY(sa.BigInteger()), nullable=False, comment="next offset of each credits partition then"
        ),
        sa.Column(
            "previous_seal",
            sa.LargeBinary(),
            nullable=False,
            comment="of the close before; 32 zero bytes for the first",
        ),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False, comment="id of the command that closed it"),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=False),
        sa.Column(
            "root",
            sa.LargeBinary(),
            nullable=True,
            comment="Merkle root over its statements; null = they are still to be made",
        ),
        sa.Column("reopened_by", sa.Text(), nullable=True),
        sa.Column("reopened_at", _MOMENT, nullable=True),
        sa.CheckConstraint("revision > 0", name="period_close_revision"),
        sa.ForeignKeyConstraint(
            ["period"],
            ["period.id"],
        ),
        sa.PrimaryKeyConstraint("period", "revision"),
    )
    op.create_table(
        "period_sum",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("revision", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "amount_minor", sa.BigInteger(), nullable=False, comment="of the period's rows up to the cut; never zero"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["period", "revision"],
            ["period_close.period", "period_close.revision"],
        ),
        sa.PrimaryKeyConstraint("period", "revision", "account_id"),
        comment="What a seal covers",
    )


def _statement_tables() -> None:
    """Statements, with the relay's place among them."""
    op.create_table(
        "statement",
        sa.Column(
            "seq", sa.BigInteger(), autoincrement=False, nullable=False, comment="1, 2, 3 ... without a gap: the outbox"
        ),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False, comment="ROLE:ID, brand:ID, or platform"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False, comment="of the body"),
        sa.Column("body", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.Column(
            "path", ARRAY(sa.LargeBinary()), nullable=False, comment="its Merkle path to the root: the hashes beside it"
        ),
        sa.ForeignKeyConstraint(
            ["period", "revision"],
            ["period_close.period", "period_close.revision"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("period", "revision", "party", "currency"),
    )
    op.create_table(
        "statement_relay",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False, comment="last statement acknowledged"),
        sa.CheckConstraint("one", name="statement_relay_is_one"),
        sa.PrimaryKeyConstraint("one"),
    )
