"""The tables of closed periods and of statements. Same conventions as tables.py.

A close is a row of period_close with its sums; its root and its statements follow, and are a function of its cut.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.settlement.books.tables import metadata

_Moment = DateTime(timezone=True)

period_close = Table(
    "period_close",
    metadata,
    Column("period", ForeignKey("period.id"), primary_key=True, comment="YYYY-MM"),
    Column("revision", SmallInteger, primary_key=True, autoincrement=False, comment="from 1; each reopening adds one"),
    Column("cut", ARRAY(BigInteger), nullable=False, comment="last seq of each writer that counts"),
    Column("offsets", ARRAY(BigInteger), nullable=False, comment="next offset of each credits partition then"),
    Column("previous_seal", LargeBinary, nullable=False, comment="of the close before; 32 zero bytes for the first"),
    Column("seal", LargeBinary, nullable=False),
    Column("command", Text, nullable=False, comment="id of the command that closed it"),
    Column("closed_by", Text, nullable=False),
    Column("closed_at", _Moment, nullable=False),
    Column("root", LargeBinary, comment="Merkle root over its statements; null = they are still to be made"),
    Column("reopened_by", Text),
    Column("reopened_at", _Moment),
    CheckConstraint("revision > 0", name="period_close_revision"),
)

period_sum = Table(
    "period_sum",
    metadata,
    Column("period", String(7), primary_key=True),
    Column("revision", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False, comment="of the period's rows up to the cut; never zero"),
    ForeignKeyConstraint(["period", "revision"], ["period_close.period", "period_close.revision"]),
    comment="What a seal covers",
)

statement = Table(
    "statement",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 ... without a gap: the outbox"),
    Column("period", String(7), nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("party", Text, nullable=False, comment="ROLE:ID, brand:ID, or platform"),
    Column("currency", String(3), nullable=False),
    Column("sha256", LargeBinary, nullable=False, comment="of the body"),
    Column("body", Text, nullable=False, comment="canonical JSON"),
    Column("path", ARRAY(LargeBinary), nullable=False, comment="its Merkle path to the root: the hashes beside it"),
    UniqueConstraint("period", "revision", "party", "currency"),
    ForeignKeyConstraint(["period", "revision"], ["period_close.period", "period_close.revision"]),
)

statement_relay = Table(
    "statement_relay",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("seq", BigInteger, nullable=False, server_default="0", comment="last statement acknowledged"),
    CheckConstraint("one", name="statement_relay_is_one"),
)
