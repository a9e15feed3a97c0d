"""The tables of payouts: batches with their nets, payouts, where parties are paid, files to banks and their replies.

Same conventions as tables.py. A batch, its nets and its payouts appear in one transaction; a payout's status moves.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
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

payout_batch = Table(
    "payout_batch",
    metadata,
    Column("id", Text, primary_key=True, comment="id of the command that proposed it"),
    Column("as_of", _Moment, nullable=False, comment="chooses house settings and reserves"),
    Column("status", Text, nullable=False, comment="proposed, approved, cancelled"),
    Column("point", JSONB, nullable=False, comment="how far logs, registry, commands and journal were read"),
    Column("cut", ARRAY(BigInteger), nullable=False, comment="last seq of each writer that its payouts take"),
    Column("plan_sha256", LargeBinary, nullable=False, comment="over its nets and payouts"),
    Column("counts", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    Column("proposed_at", _Moment, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", _Moment),
    CheckConstraint("status IN ('proposed', 'approved', 'cancelled')", name="payout_batch_status"),
    CheckConstraint('approved_by <> "by"', name="payout_batch_four_eyes"),
)

payout_net = Table(
    "payout_net",
    metadata,
    Column("batch", ForeignKey("payout_batch.id"), primary_key=True),
    Column("party", Text, primary_key=True, comment="ROLE:ID"),
    Column("currency", String(3), primary_key=True),
    Column("written_back_minor", BigInteger, nullable=False),
    Column("released_minor", BigInteger, nullable=False),
    Column("netted_payable_minor", BigInteger, nullable=False),
    Column("netted_held_minor", BigInteger, nullable=False),
    Column("held_delta_minor", BigInteger, nullable=False, comment="above zero: placed; below: released"),
)

payout = Table(
    "payout",
    metadata,
    Column("id", String(26), primary_key=True, comment="base32 of sha256(batch|party|currency): the bank's reference"),
    Column("batch", ForeignKey("payout_batch.id"), nullable=False),
    Column("party", Text, nullable=False, comment="ROLE:ID"),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False, comment="what the party gets, after tax"),
    Column("withheld_minor", BigInteger, nullable=False, comment="tax kept back"),
    Column("authority", Text, comment="whom that tax is owed to; null = nothing is kept back"),
    Column("rail", Text, nullable=False, comment="of the party's payee.set: bank, wechat, alipay"),
    Column("ref", Text, nullable=False, comment="of the party's payee.set: a token of the payee file"),
    Column("status", Text, nullable=False, comment="instructed, cancelled, confirmed, rejected, returned"),
    Column("refused", Boolean, nullable=False, server_default=text("false"), comment="and not yet released"),
    Column("refused_at", BigInteger, comment="next registry offset when it was refused: a newer payee.set ends it"),
    Column("entries", Integer, nullable=False, comment="how many legs of its payable account it takes"),
    Column("entries_sha256", LargeBinary, nullable=False, comment="over their entry ids"),
    Column(
        "kept",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="ORDER/LINE/BUYER in an open hold or dispute: its money stays held, in no payout yet",
    ),
    CheckConstraint("amount_minor > 0", name="payout_amount"),
    CheckConstraint("status IN ('instructed', 'cancelled', 'confirmed', 'rejected', 'returned')", name="payout_status"),
    Index("payout_of_party", "party", "currency"),
    Index("payout_of_batch", "batch"),
    Index("payout_refused", "party", postgresql_where=text("refused")),
)

payee = Table(
    "payee",
    metadata,
    Column("ref", Text, primary_key=True, comment="the token that payee.set names; its row is never changed"),
    Column("rail", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("account", Text, nullable=False, comment="IBAN or account number, openid, or login"),
    Column("bank", Text, comment="BIC or clearing code; null = the rail needs none"),
    Column("imported_by", Text, nullable=False, server_default=text("session_user")),
    Column("imported_at", _Moment, nullable=False, server_default=text("now()")),
    comment="Names and account numbers: only koc_payer may read them, and they leave it in payment files only",
)

payout_file = Table(
    "payout_file",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("batch", ForeignKey("payout_batch.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("form", Text, nullable=False, comment="csv, pain.001, wechat, alipay"),
    Column("rail", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("number", SmallInteger, nullable=False, comment="of the files of one batch, form and currency; from 1"),
    Column("payouts", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("command", Text, nullable=False),
)

payout_reply = Table(
    "payout_reply",
    metadata,
    Column("file_sha256", LargeBinary, primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False, comment="from 1, in the file's order"),
    Column("payout", Text, nullable=False, comment="as the file names it; may be unknown"),
    Column("outcome", Text, nullable=False, comment="confirmed, rejected, returned"),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("bank_ref", Text),
    Column("fee_minor", BigInteger, nullable=False, server_default="0"),
    Column("finding", Text, comment="why nothing was booked; null = booked"),
    Column("command", Text, nullable=False),
    Index("payout_reply_of_payout", "payout"),
)
