"""settlement.ledger.v1: double-entry entries, numbered without a gap and chained by hash within a writer."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.fields import Currency, Identifier, Message, Moment, SignedAmount, wrong

HASH_PATTERN = r"^[0-9a-f]{64}$"
ENTRY_ID_PATTERN = r"^[0-9]+-[0-9]+$"
KIND_PATTERN = r"^[a-z_]+\.[a-z_]+$"
PERIOD_PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])$"

Hash = Annotated[str, Field(pattern=HASH_PATTERN, description="SHA-256, hexadecimal")]


class LedgerLeg(Message):
    """One account's part: debit positive, credit negative."""

    account: Annotated[str, Field(min_length=3, max_length=300)]
    amount_minor: SignedAmount


class LedgerEntry(Message):
    """One booking. `hash` covers the canonical bytes of all other fields (docs/finance.md)."""

    entry_id: Annotated[str, Field(pattern=ENTRY_ID_PATTERN, description="WRITER-SEQ")]
    idem_key: Annotated[str, Field(min_length=1, max_length=1000)]
    cause: Annotated[str, Field(max_length=1000)]
    kind: Annotated[str, Field(pattern=KIND_PATTERN)]
    currency: Currency
    effective_at: Moment
    recorded_at: Moment
    order_id: Identifier | None
    line_id: Identifier | None
    legs: Annotated[list[LedgerLeg], Field(min_length=2)]
    corrects: str | None
    period: Annotated[str, Field(pattern=PERIOD_PATTERN)]
    writer: Annotated[int, Field(ge=0)]
    seq: Annotated[int, Field(ge=1)]
    prev_hash: Hash
    hash: Hash

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if sum(leg.amount_minor for leg in self.legs) != 0:
            raise wrong("legs", "must add up to zero")
        return self
