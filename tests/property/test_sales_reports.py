"""Whatever happened: each figure of a report is what a separate computation over the exported books comes to."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from schemas.topics import REGISTRY
from services.kernel.time import parse_rfc3339
from services.settlement.books.journal_entry import message
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.reporting.grouping import SalesBy, Selection
from services.settlement.reports.sales_report import SalesReport, sales_report
from tests.kit.audit_histories import RandomHistory
from tests.kit.audit_world import AuditWorld
from tests.kit.report_books import MemoryReportBooks
from tests.kit.settlement_facts import DAY, PAID_AT
from tests.reference.sales import Exported, SalesReference, StoredLine, Wanted

FIGURES = (
    "lines", "orders", "buyers", "gmv", "net_revenue", "accrued", "settled", "clawed_back", "koc", "script_fee",
    "spend_brand", "spend_platform", "spend_koc", "natural", "boosted", "paid", "no_credit",
)  # fmt: skip
COUNTS = ("lines", "orders", "buyers")
EVERYTHING = Selection()
SELECTIONS = [
    EVERYTHING,
    Selection(since=PAID_AT + 10 * DAY, until=PAID_AT + 30 * DAY),
    Selection(brand_id="br_1"),
    Selection(campaign_id="c_1"),
    Selection(koc_id="k_2", since=PAID_AT + 5 * DAY),
]


class SeededHistory(RandomHistory):
    """Also boosted touches, families and lines that nobody is credited for."""

    def _traffic(self) -> str:
        return self.rng.choice(["natural", "boosted", "paid"])

    def _credits(self) -> tuple[Any, ...]:
        return () if self.rng.random() < 0.1 else super()._credits()

    def _content(self, content_id: str) -> dict[str, Any]:
        named = {"content_family_id": self.rng.choice([None, "f_1", "f_2"]),
                 "campaign_id": self.rng.choice([None, "c_1"])}  # fmt: skip
        return super()._content(content_id) | named | {"platform": self.rng.choice(["douyin", "tiktok"])}


def figures_of(sums: Any) -> dict[str, int]:
    return {name: getattr(sums, name if name in COUNTS else f"{name}_minor") for name in FIGURES}


def without_zeros(sums: Mapping[Any, Mapping[str, int]]) -> dict[Any, dict[str, int]]:
    cleaned = {name: {one: figure for one, figure in figures.items() if figure} for name, figures in sums.items()}
    return {name: figures for name, figures in cleaned.items() if figures}


def exported(world: AuditWorld) -> Exported:
    """What the books would export, as outsiders get it."""
    state = world.store.state
    lines = {}
    for key, line in state.lines.items():
        grants = {name: tuple(grant) for name, grant in line.grants.credits.items()}
        planned = [
            (plan.settled, [(part.content_id, part.koc_id, part.amounts) for part in plan.parts])
            for (_, of), plan in state.run_lines.items()
            if of == key
        ]
        offset = None if line.terms is None else line.terms.registry_offset
        lines[key] = StoredLine(
            line.standing, line.settled.get("platform", 0), offset, grants, line.grants.bonus_minor, planned
        )
    entries = [message(entry, GENESIS.head) for entry in world.journal()]
    registry = [json.loads(raw) for raw in world.topics().logs[REGISTRY.name, 0]]
    return Exported(entries, {key: kept.raw for key, kept in state.kept.items()}, registry, lines)


def computed(world: AuditWorld, by: SalesBy, selection: Selection, days: int | None = None) -> SalesReport:
    return sales_report(MemoryReportBooks(world.store.state), by, selection, days)


@pytest.fixture(scope="module", params=range(12))
def world(request: pytest.FixtureRequest) -> AuditWorld:
    return SeededHistory(request.param).live(90)


@pytest.mark.parametrize("by", list(SalesBy))
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_every_figure_is_what_a_separate_computation_gives(
    world: AuditWorld, by: SalesBy, selection: Selection
) -> None:
    report = computed(world, by, selection)
    wanted = SalesReference(exported(world), by.value, Wanted(*selection), None, 0).compute()
    found = {(row.key, row.is_credited, row.currency): figures_of(row.sums) for row in report.rows}
    assert without_zeros(found) == without_zeros(wanted.groups)
    assert len(found) == len(report.rows)
    for parts, theirs in ((report.traffic, wanted.traffic), (report.promotion, wanted.promotion)):
        if by is SalesBy.PRODUCT and parts is report.promotion:
            continue
        got = {(one.currency, one.part): figures_of(one.sums) for one in parts}
        assert without_zeros(got) == without_zeros(theirs)


@pytest.mark.parametrize("selection", [EVERYTHING, Selection(since=PAID_AT + 20 * DAY, brand_id="br_1")], ids=str)
@pytest.mark.parametrize("days", [1, 14])
def test_a_launch_is_what_a_separate_computation_gives_and_its_days_add_up(
    world: AuditWorld, selection: Selection, days: int
) -> None:
    report = computed(world, SalesBy.PRODUCT, selection, days)
    every, first = exported(world), {}
    for key, raw in sorted(every.assertions.items()):
        said = json.loads(raw)
        name = said["brand_id"], said["product_id"]
        if every.lines[key].standing:
            at = parse_rfc3339(said["paid_at"])
            first[name] = min(at, first.get(name, at))
    wanted = SalesReference(every, "product", Wanted(*selection), first, days).compute()
    found = {(row.key, row.is_credited, row.currency): figures_of(row.sums) for row in report.rows}
    assert without_zeros(found) == without_zeros(wanted.groups)
    for row in report.rows:
        assert len(row.days) == days
        assert sum(row.days) == row.sums.net_revenue_minor


@pytest.mark.parametrize("selection", SELECTIONS[:3], ids=str)
def test_contents_kocs_campaigns_and_parts_come_to_one_total(world: AuditWorld, selection: Selection) -> None:
    money = set(FIGURES) - set(COUNTS)
    totals = {}
    for by in (SalesBy.CONTENT, SalesBy.FAMILY, SalesBy.KOC, SalesBy.CAMPAIGN):
        report = computed(world, by, selection)
        totals[by] = {of: {name: figures_of(one)[name] for name in money} for of, one in report.totals.items()}
        for currency, total in totals[by].items():
            rows = [figures_of(row.sums) for row in report.rows if row.currency == currency]
            assert total == {name: sum(row[name] for row in rows) for name in money}
            assert total["net_revenue"] == sum(total[name] for name in ("natural", "boosted", "paid", "no_credit"))
            for parts in (report.traffic, report.promotion):
                sums = [figures_of(one.sums) for one in parts if one.currency == currency]
                for name in ("gmv", "net_revenue", "natural", "boosted", "paid", "no_credit"):
                    assert total[name] == sum(one[name] for one in sums)
    assert totals[SalesBy.CONTENT] == totals[SalesBy.FAMILY] == totals[SalesBy.KOC] == totals[SalesBy.CAMPAIGN]


def test_a_total_is_what_the_journal_has_of_all_lines(world: AuditWorld) -> None:
    """What brands are charged for lines, and for scripts, by the journal alone."""
    report = computed(world, SalesBy.CONTENT, EVERYTHING)
    charged: Counter[tuple[str, str]] = Counter()
    for entry in (one.entry for one in world.journal()):
        if entry.order_id is not None or "|script_fee|" in entry.idem_key:
            what = "commission" if entry.order_id is not None else "script_fee"
            brands = (amount for account, amount in entry.legs.items() if account.startswith("brand:"))
            charged[what, entry.currency] += sum(brands)
    for currency, total in report.totals.items():
        assert total.commission_minor == charged["commission", currency]
        assert total.script_fee_minor == charged["script_fee", currency]
