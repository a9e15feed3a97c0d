"""The settlement store's tables, said once: Alembic migrates to them, SQLAlchemy reads them, COPY writes them.

Times are timestamptz, money is bigint minor units (debit positive), identifiers text. journal is the book; account,
line, balance, party_leg and relay are projections or positions. run_tables.py has the tables of settlement runs.
docs/settlement.md says who locks what in which order.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()
_Moment = DateTime(timezone=True)

writer = Table(
    "writer",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("topic_id", Text, comment="Kafka's id of the credits topic; null until first read, and for writer N"),
    Column(
        "generation", Integer, nullable=False, server_default="0", comment="how many topic ids came before this one"
    ),
    Column("next_offset", BigInteger, nullable=False, server_default="0"),
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("chain_head", LargeBinary, nullable=False, comment="hash of the entry with number seq; 32 zero bytes at 0"),
    Column("join_open", BigInteger, nullable=False, server_default="0", comment="its lines below their join"),
    comment="Holding a row's lock is being the writer of that partition; writer N = partition count owns no line",
    postgresql_with={"fillfactor": 50},
)

account = Table(
    "account",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, comment="owner:id:purpose"),
    Column("currency", String(3), nullable=False),
    UniqueConstraint("key", "currency"),
)

balance = Table(
    "balance",
    metadata,
    Column("account_id", ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False, server_default="0"),
    Column("entries", BigInteger, nullable=False, server_default="0"),
    postgresql_with={"fillfactor": 50},
)

journal = Table(
    "journal",
    metadata,
    Column("writer", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("idem_key", Text, nullable=False, unique=True),
    Column("cause", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("period", String(7), nullable=False),
    Column("effective_at", _Moment, nullable=False),
    Column("recorded_at", _Moment, nullable=False),
    Column("order_id", Text),
    Column("line_id", Text),
    Column("corrects", Text),
    Column("accounts", ARRAY(Integer), nullable=False),
    Column("amounts", ARRAY(BigInteger), nullable=False),
    Column("chain", LargeBinary, nullable=False),
    CheckConstraint(
        "(array_sum(amounts) = 0) IS TRUE AND cardinality(accounts) = cardinality(amounts)"
        " AND cardinality(amounts) >= 2",
        name="journal_balanced",
    ),
    Index("journal_by_line", "order_id", "line_id"),
)

line = Table(
    "line",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("partition", SmallInteger, nullable=False, comment="its writer"),
    Column("standing", Boolean, nullable=False),
    Column("vector", ARRAY(BigInteger), nullable=False, comment="accepted: log, rules, touch, order"),
    Column("joined", ARRAY(BigInteger), nullable=False, comment="join of all vectors seen; above vector = incomplete"),
    Column("below_since", _Moment, comment="when the line fell below its join; null = complete"),
    Column("content_hash", LargeBinary, nullable=False, comment="of the fields that decide money"),
    Column("brand_id", Text, nullable=False),
    Column("koc_ids", ARRAY(Text), nullable=False),
    Column("paid_at", _Moment, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("revision", BigInteger, nullable=False, comment="registry revision it was priced at"),
    Column("unpriced", Text, comment="why no plan prices it (part of it); null = priced"),
    Column("unpriced_minor", BigInteger, nullable=False, server_default="0", comment="base that no plan prices"),
    Column("quarantined", Text, comment="why it is frozen at what is booked; null = not"),
    Column("accounts", ARRAY(Integer), nullable=False, comment="booked net position, with amounts"),
    Column("amounts", ARRAY(BigInteger), nullable=False),
    Column("booked_steps", ARRAY(Text), nullable=False, comment="event ids of booked steps"),
    Column("set_aside", Text, comment="why the journal can hold nothing of it; null = it can"),
    Column("first_seq", BigInteger, comment="number of its first journal row, which later ones correct"),
    Column("settle_at", _Moment, comment="when a run may settle it; null = nothing of it waits for that"),
    Column("terms", Integer, comment="id of the terms that its first settlement froze; null = never settled"),
    Column("settled_accounts", ARRAY(Integer), nullable=False, server_default="{}", comment="what runs have settled"),
    Column("settled_amounts", ARRAY(BigInteger), nullable=False, server_default="{}"),
    Column("grants", JSONB, comment="what runs granted to its credits; null = nothing"),
    Index("line_one_standing", "order_id", "line_id", unique=True, postgresql_where=text("standing")),
    Index("line_by_partition", "partition", "order_id", "line_id", "buyer_id"),
    Index("line_second_owner", "partition", postgresql_where=text("NOT standing")),
    Index("line_unpriced", "partition", postgresql_where=text("unpriced IS NOT NULL")),
    Index("line_quarantined", "partition", postgresql_where=text("quarantined IS NOT NULL")),
    Index("line_set_aside", "partition", postgresql_where=text("set_aside IS NOT NULL")),
    Index("line_below_join", "partition", postgresql_where=text("below_since IS NOT NULL")),
    Index("line_of_brand", text("(ARRAY[brand_id])"), postgresql_using="gin"),
    Index("line_by_payment", "paid_at", postgresql_using="brin", postgresql_with={"pages_per_range": 32}),
    Index("line_of_koc", text("(koc_ids[1])"), "paid_at"),
    Index("line_of_second_koc", text("(koc_ids[2])"), "paid_at", postgresql_where=text("koc_ids[2] IS NOT NULL")),
    Index(
        "line_of_other_kocs",
        text("(koc_ids[3:])"),
        postgresql_using="gin",
        postgresql_where=text("koc_ids[3] IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": 85},
)

assertion = Table(
    "assertion",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("partition", SmallInteger, nullable=False),
    Column("position", BigInteger, nullable=False, comment="its offset in the credits partition"),
    Column("raw", LargeBinary, nullable=False, comment="the accepted assertion, bytes as read"),
    postgresql_with={"fillfactor": 85},
)

due = Table(
    "due",
    metadata,
    Column("partition", SmallInteger, nullable=False),
    Column("settle_on", Date, nullable=False, comment="UTC date of the line's settle_at as it was then"),
    Column("order_id", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Index("due_by_day", "partition", "settle_on"),
    comment="Hints where a run finds lines to settle; a hint may be stale, the line decides",
)

terms = Table(
    "terms",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("registry_offset", BigInteger, nullable=False, comment="the registry counts up to it, without it"),
    Column("as_of", _Moment, nullable=False, comment="of the run; it chooses the house settings"),
    UniqueConstraint("registry_offset", "as_of"),
)

party_leg = Table(
    "party_leg",
    metadata,
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("writer", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("effective_at", _Moment, nullable=False),
    Column("order_id", Text),
    Column("line_id", Text),
    Column("kind", SmallInteger, nullable=False),
    comment="The journal's legs on payable, held and clawback accounts, by account",
)

period = Table(
    "period",
    metadata,
    Column("id", String(7), primary_key=True),
    Column("closed", Boolean, nullable=False),
)

registry_position = Table(
    "registry_position",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("topic_id", Text),
    Column("next_offset", BigInteger, nullable=False, server_default="0"),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("zone_minutes", Integer, comment="the settlement zone, minutes east of UTC; null until the first start"),
    CheckConstraint("one", name="registry_position_is_one"),
)

reference = Table(
    "reference",
    metadata,
    Column("kind", Text, primary_key=True, comment="the event_type"),
    Column("identity", Text, primary_key=True, comment="plan_id|version, koc_id|effective_from, content_id, spend_id"),
    Column("position", BigInteger, primary_key=True, autoincrement=False, comment="the newest of an identity stands"),
    Column("body", JSONB, nullable=False, comment="the event as published"),
    Column("revision", BigInteger, nullable=False),
    Index("reference_by_revision", "revision"),
    *(
        Index(name, text(f"({field})"), postgresql_where=text(f"{field} IS NOT NULL"))
        for name, field in (
            ("reference_of_brand", "body ->> 'brand_id'"),
            ("reference_of_koc", "body ->> 'koc_id'"),
            ("reference_of_campaign", "body ->> 'campaign_id'"),
        )
    ),
    comment="Every version of every registry event",
)

reprice_job = Table(
    "reprice_job",
    metadata,
    Column(
        "id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="first registry offset of its batch; below 0: a migration's",
    ),
    Column("scope", JSONB, nullable=False, comment="what is affected: plan scopes, kocs, range of paid_at"),
    Column("cause", Text, nullable=False),
    Column("effective_at", _Moment, nullable=False),
)

reprice_progress = Table(
    "reprice_progress",
    metadata,
    Column("job", ForeignKey("reprice_job.id"), primary_key=True),
    Column("partition", SmallInteger, primary_key=True),
    Column("last_key", ARRAY(Text), comment="order_id, line_id, buyer_id of the last line worked; null = none yet"),
    Column("done", Boolean, nullable=False, server_default=text("false")),
)

content_position = Table(
    "content_position",
    metadata,
    Column("kind", Text, primary_key=True, comment="script_fee or spend"),
    Column("identity", Text, primary_key=True, comment="content_id or spend_id"),
    Column("currency", String(3), primary_key=True),
    Column("accounts", ARRAY(Integer), nullable=False, comment="booked net position, with amounts"),
    Column("amounts", ARRAY(BigInteger), nullable=False),
    Column("settled_accounts", ARRAY(Integer), nullable=False, server_default="{}", comment="what runs have settled"),
    Column("settled_amounts", ARRAY(BigInteger), nullable=False, server_default="{}"),
    comment="What writer N has booked of registry events that move money by themselves",
)

traced_entry = Table(
    "traced_entry",
    metadata,
    Column("writer", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("carrier", JSON, nullable=False, comment="traceparent and perhaps tracestate, by header"),
    comment="The trace that led to an entry, until the entry is published",
    prefixes=["UNLOGGED"],
)

compatible_code = Table(
    "compatible_code",
    metadata,
    Column("revision", Text, primary_key=True, comment="schema revision that the code was written for"),
    comment="Code that may work on this schema",
)

relay = Table(
    "relay",
    metadata,
    Column("writer", SmallInteger, primary_key=True, autoincrement=False),
    Column(
        "seq", BigInteger, nullable=False, server_default="0", comment="last entry acknowledged by the ledger topic"
    ),
)

command = Table(
    "command",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False, comment="session_user of a personal login in koc_operator"),
    Column("reason", Text, nullable=False),
    Column("body", JSONB, nullable=False, comment="what was asked for"),
    Column("point", JSONB(none_as_null=True), comment="where the books stood"),
    Column("result", JSONB, nullable=False, comment="what came of it"),
    Column("at", _Moment, nullable=False),
    Column("prev_hash", LargeBinary, nullable=False, comment="32 zero bytes for the first"),
    Column("hash", LargeBinary, nullable=False),
    comment="Decisions that are no events; written under writer N, in the transaction that takes effect",
)

command_relay = Table(
    "command_relay",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("seq", BigInteger, nullable=False, server_default="0", comment="last command acknowledged"),
    CheckConstraint("one", name="command_relay_is_one"),
)
