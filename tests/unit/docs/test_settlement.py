"""docs/settlement.md is read instead of the code: its worked order is what the rules give, its names are the code's."""

import re
from decimal import Decimal
from pathlib import Path

from services.kernel.money import share
from services.settlement.books import posting_transaction, retrying, run_lock, tables
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.lines.booking import book_assertion
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.price import (
    BEFORE_PLATFORM_DISCOUNT,
    allocated,
    price,
    remaining_base,
    split,
    terms_of,
)
from services.settlement.domain.pricing.relations import Relation
from services.settlement.domain.settling.place import owed_of, place, vat_within
from services.settlement.posting import process, reprice
from services.settlement.relay import store
from services.settlement.runs import applying
from tests.kit.settlement_facts import BOTH, DAY, PAID_AT, Fact, FactCredit, plan, reference, usual

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/settlement.md").read_text()
WORDS = " ".join(PAGE.split())
"""The page in one line: a sentence may be wrapped anywhere."""

WEIGHTS = (666_667, 333_333)
PAID = Fact(
    platform_discount_minor=299,
    credits=tuple(FactCredit(f"v_{w}", koc, weight_ppm=w) for w, koc in zip(WEIGHTS, ("k_7", "k_8"), strict=True)),
)
REFUNDED = PAID.refunded(5_000)
KNOWN = reference(
    plan(base=BEFORE_PLATFORM_DISCOUNT), BOTH, Relation("k_8", {"mcn": "m_1", "recruiter": "r_1"}, PAID_AT - 30 * DAY)
)
TERMS = terms_of(REFUNDED, KNOWN).terms


def yuan(minor: int) -> str:
    return decimal_text(minor, "CNY")


def exact(minor: int, factor: int, whole: int = 1_000_000) -> str:
    """The product in yuan, not rounded, without zeros at its end."""
    return f"{(Decimal(minor) * factor / whole / 100).normalize():f}"


def test_the_base_and_its_parts_are_rounded_as_the_page_says() -> None:
    base = remaining_base(REFUNDED, BEFORE_PLATFORM_DISCOUNT, 5_000)
    assert (
        f"| 1. remaining base | floor(202.99 x (200.00 - 50.00) / 200.00) | {exact(20_299, 15_000, 20_000)} |"
        f" {yuan(base)} |" in PAGE
    )
    parts = allocated(REFUNDED, TERMS, BEFORE_PLATFORM_DISCOUNT, 5_000)
    for which, weight, part in zip(("first", "second"), WEIGHTS, parts, strict=True):
        row = f"{which} credit's part | {yuan(base)} x {weight:,} / 1,000,000 | {exact(base, weight)} | {yuan(part)} |"
        assert f"| 2. {row}" in PAGE
        commission = share(part, 200_000)
        row = f"{which} commission | floor({yuan(part)} x 20 %) | {exact(part, 200_000)} | {yuan(commission)} |"
        assert f"| 3. {row}" in PAGE


def test_the_splits_are_rounded_as_the_page_says() -> None:
    parts = allocated(REFUNDED, TERMS, BEFORE_PLATFORM_DISCOUNT, 5_000)
    taken = [split(terms, part, share(part, 200_000)) for terms, part in zip(TERMS, parts, strict=True)]
    for number, name in enumerate(("platform", "agency (mcn)", "recruiter")):
        cells = []
        for steps, _ in taken:
            _, _, _, share_ppm, whole, amount = steps[number]
            percent = f"{Decimal(share_ppm) / 10_000:f}"
            cells.append(f"{percent} % of {yuan(whole)} = {exact(whole, share_ppm)} | {yuan(amount)}")
        assert f"| {name} | {' | '.join(cells)} |" in PAGE
    assert f"| KOC, the rest | | {yuan(taken[0][1]['koc'])} | | {yuan(taken[1][1]['koc'])} |" in PAGE


def test_the_page_adds_up_to_what_the_brand_owes() -> None:
    target = price(REFUNDED, TERMS, 5_000, cancelled=False)
    assert target["brand:br_2:accrued"] == 3_044
    assert "20.29 + 10.15 = 30.44" in WORDS
    assert target["koc:k_7:pending"] + target["koc:k_8:pending"] == -(1_280 + 641)
    assert price(PAID, TERMS, 20_000, cancelled=False) == {}


def test_the_page_says_what_the_worked_order_books() -> None:
    line = Line(("o_1", "1", "b_1"), 3, PAID_AT, "CNY", "br_2")
    rows = book_assertion(line, REFUNDED, KNOWN, "credits")
    moved = [yuan(row.legs["brand:br_2:accrued"]) for row in rows]
    assert [row.effective_at for row in rows] == [PAID_AT, PAID_AT + 4 * DAY]
    assert (
        f"The worked order books two entries: {moved[0]} from the brand at the time of payment, and {moved[1]} at the"
        f" time of the refund." in WORDS
    )


def test_the_settled_order_of_the_page_is_where_the_function_puts_it() -> None:
    terms, nothing = terms_of(Fact(), usual()).terms, {}
    whole, rest = (owed_of(price(Fact(), terms, refunded, cancelled=False)) for refunded in (0, 5_000))
    states = [(nothing, whole), (whole, whole), (whole, rest), (whole, whole)]
    positions = [place(settled, owed, "br_2", 60_000) for settled, owed in states]
    section = PAGE.partition("| account | owed | settled |")[2].partition("\n\n")[0]
    rows = {row[0].strip("` "): [cell.strip() for cell in row[1:]] for row in re.findall(
        r"\| (`.*?`) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|", section)}  # fmt: skip
    assert rows == {
        account: [yuan(position.get(account, 0)) for position in positions]
        for account in {account for position in positions for account in position}
    }
    assert f"At 6 % the fee of 4.00 contains {yuan(vat_within(400, 60_000))}." in WORDS
    payable, owed_back = whole["koc:k_7"], whole["koc:k_7"] - rest["koc:k_7"]
    assert (
        f"the net after the refund takes {yuan(owed_back)} from the KOC's {yuan(payable)}, so"
        f" {yuan(payable - owed_back)} stay payable" in WORDS
    )


def test_the_page_names_every_column_of_the_journal() -> None:
    table = PAGE.partition("## The journal")[2].partition("- **")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    assert sorted(named) == sorted(column.name for column in tables.journal.columns)


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    assert f"up to {process.BATCH_RECORDS:,} assertions, or as many as come in {process.BATCH_SECONDS} s" in WORDS
    assert f"tried again for up to {retrying.RETRY_SECONDS:.0f} s" in WORDS
    assert f"up to {reprice.CHUNK:,} standing lines" in WORDS
    assert f"{applying.CHUNK:,} lines a transaction" in WORDS
    assert f"tried again for up to {retrying.RETRY_SECONDS:.0f} s, then the run ends" in WORDS
    seconds = re.search(r"transaction_timeout=(\d+)s", posting_transaction.SESSION)
    assert seconds is not None
    assert f"after {seconds[1]} s (`transaction_timeout`)" in WORDS


def test_the_page_names_every_advisory_lock() -> None:
    every = {**vars(posting_transaction), **vars(store), **vars(run_lock)}
    locks = {name for name, value in every.items() if isinstance(value, int) and value in range(4_715_000, 4_716_000)}
    assert set(re.findall(r"advisory lock ([A-Z]+)", PAGE)) == locks


def test_the_order_of_the_readme_is_what_the_rules_give() -> None:
    fact = Fact()
    target = price(fact, terms_of(fact, usual()).terms, 0, cancelled=False)
    owed = [target[key] for key in ("brand:br_2:accrued", "platform:fee_deferred", "mcn:m_1:pending")]
    owed += [target["recruiter:r_1:pending"], target["koc:k_7:pending"]]
    block = (ROOT / "README.md").read_text().partition("## One order\n```\n")[2].partition("```")[0]
    amounts = [line.split()[-1] for line in block.splitlines()]
    assert amounts == [yuan(fact.goods_paid_minor), *(yuan(abs(amount)) for amount in owed)]
