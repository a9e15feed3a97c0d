"""Price a settled line by newer terms: what runs have settled of it stays."""

from services.kernel.identifiers import line_key
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import difference, total
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.booking import book_reprice
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.terms import NO_GRANTS, LineGrants, Terms
from services.settlement.domain.pricing.reference import Reference

VAT = "vat"
"""The step of the row that moves our fee between revenue and VAT, where the newer terms have another rate."""


def is_in_scope(scope: str, key: Key) -> bool:
    """Whether a scope names a line: by its order's id, or as ORDER/LINE/BUYER."""
    return scope in (key[0], line_key(*key))


def grants_after_rerate(grants: LineGrants) -> LineGrants:
    """What stays granted: the bonus alone, for the slot of the brand's buyer is taken for good."""
    return LineGrants({}, grants.bonus_minor) if grants.bonus_minor else NO_GRANTS


def book_rerate(
    line: Line, assertion: LineAssertion, reference: Reference, terms: Terms, cause: str
) -> list[EntryDraft]:
    """The rows that bring a settled line to its worth under newer terms; the line then stands there.

    Args:
        line: of which something is settled; not frozen.
        assertion: the one that the line accepted.
        reference: the newest.
        terms: `as_of` also dates the rows.
        cause: in words.
    """
    booked = line.booked
    line.terms, line.grants = terms, grants_after_rerate(line.grants)
    rows = book_reprice(line, assertion, reference, cause, terms.as_of)
    # those rows know one VAT rate, the newer terms'; what was booked may have been placed by another one
    for row in rows:
        booked = total(booked, row.legs)
    if legs := difference(line.booked, booked):
        rows.append(EntryDraft(Kind.COMMISSION_ADJUSTED, VAT, cause, max(line.paid_at, terms.as_of), legs))
    return rows
