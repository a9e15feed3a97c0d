"""The chart of each report: a panel for each currency, as amounts of two currencies are on no common axis."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby

from services.kernel.time import day_of
from services.settlement.domain.reporting.figures import NO_CREDIT, TRAFFIC, ratio_text
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.canvas import (
    GREY,
    PALETTE,
    ChartForm,
    chart,
    money_axis,
    rendered,
    short,
    stacked_bars,
)
from services.settlement.reports.offboarding import DepartedKoc, DueMoney
from services.settlement.reports.sales_forms import label
from services.settlement.reports.sales_report import SalesReport, SalesRow

MOST_BARS = 20
MOST_CURVES = 8
_MOST_PLATFORMS = len(PALETTE)
_TRAFFIC_COLOURS = dict(zip((*TRAFFIC, NO_CREDIT), (PALETTE[0], PALETTE[1], PALETTE[3], GREY), strict=True))
_BAR, _PANEL = 0.27, 0.9
"""Inches that a bar takes, and what stands around the bars of a panel."""
_NAMES = {
    SalesBy.CONTENT: "content", SalesBy.KOC: "KOC", SalesBy.CAMPAIGN: "campaign", SalesBy.PRODUCT: "product",
}  # fmt: skip


def sales_chart(report: SalesReport, rows: Sequence[SalesRow], form: ChartForm, zone_minutes: int) -> bytes:
    """The chart of a sales report: families over platforms, a launch's curves, or bars by traffic.

    Args:
        report: read.
        rows: those that it shows, in order; not none.
        form: of the file.
        zone_minutes: in which its days are counted, minutes east of UTC.
    """
    subtitle = _subtitle(report, zone_minutes)
    if report.by is SalesBy.FAMILY:
        return _family_chart(rows, form, subtitle)
    if report.launch_days is not None:
        return _launch_chart(report, rows, form, subtitle)
    return _traffic_chart(report, rows, form, subtitle)


def _traffic_chart(report: SalesReport, rows: Sequence[SalesRow], form: ChartForm, subtitle: str) -> bytes:
    panels = [(currency, found[:MOST_BARS]) for currency, found in _by_currency(rows)]
    title = f"Net revenue by {_NAMES[report.by]} and traffic"
    with chart(
        title, f"{subtitle} · ROI: contribution for 1 of cost", [_height(len(found)) for _, found in panels]
    ) as (figure, axes):
        for panel, (currency, found) in zip(axes, panels, strict=True):
            series = [
                (traffic.replace("_", " "), colour, [getattr(row.sums, f"{traffic}_minor") for row in found])
                for traffic, colour in _TRAFFIC_COLOURS.items()
            ]
            series = [one for one in series if any(one[2])]
            stacked_bars(panel, [label(report, row) for row in found], series, [_roi(row) for row in found])
            panel.set_title(_count(report, currency, len(found)))
            money_axis(panel, "net revenue", currency, horizontal=True)
        return rendered(figure, form)


def _roi(row: SalesRow) -> str:
    return "" if row.sums.roi_ppm is None else f"ROI {ratio_text(row.sums.roi_ppm)}"


def _family_chart(rows: Sequence[SalesRow], form: ChartForm, subtitle: str) -> bytes:
    """A bar a family, a colour a platform; of platforms beyond the colours the rest is grey."""
    panels = [(currency, _families(found)) for currency, found in _by_currency(rows)]
    heights = [_height(len(families)) for _, families in panels]
    sums = _sold_by_platform(rows)
    platforms = sorted(sums, key=lambda name: (-sums[name], name))[:_MOST_PLATFORMS]
    with chart("Net revenue of content families over platforms", subtitle, heights) as (figure, axes):
        for panel, (currency, families) in zip(axes, panels, strict=True):
            series = [
                (name, colour, [family.get(name, 0) for family in families.values()])
                for name, colour in zip(platforms, PALETTE, strict=False)
            ]
            rest = [sum(n for name, n in family.items() if name not in platforms) for family in families.values()]
            series = [one for one in (*series, ("other or none", GREY, rest)) if any(one[2])]
            stacked_bars(panel, list(families), series, [""] * len(families))
            panel.set_title(currency)
            money_axis(panel, "net revenue", currency, horizontal=True)
        return rendered(figure, form)


def _families(rows: Iterable[SalesRow]) -> dict[str, dict[str, int]]:
    """Net revenue by family and platform, of the families that sold most."""
    families: dict[str, dict[str, int]] = {}
    for row in rows:
        family = (row.key[0] or "(no family)") if row.is_credited else "(no credit)"
        sold = families.setdefault(family, {})
        sold[_platform(row)] = sold.get(_platform(row), 0) + row.sums.net_revenue_minor
    first = sorted(families, key=lambda family: (-sum(families[family].values()), family))[:MOST_BARS]
    return {family: families[family] for family in first}


def _sold_by_platform(rows: Iterable[SalesRow]) -> dict[str, int]:
    """Net revenue of each platform over all currencies: it only orders the colours."""
    sums: dict[str, int] = {}
    for row in rows:
        if row.key[1] is not None:
            sums[row.key[1]] = sums.get(row.key[1], 0) + row.sums.net_revenue_minor
    return sums


def _platform(row: SalesRow) -> str:
    return (row.key[1] or "(not registered)") if row.is_credited else "(no credit)"


def _launch_chart(report: SalesReport, rows: Sequence[SalesRow], form: ChartForm, subtitle: str) -> bytes:
    """Net revenue added up by day since the first sale, a curve a product."""
    panels = [(currency, found[:MOST_CURVES]) for currency, found in _by_currency(rows)]
    days = report.launch_days or 0
    title = f"Net revenue of new products in their first {days} days"
    with chart(title, subtitle, [3.6] * len(panels)) as (figure, axes):
        for panel, (currency, found) in zip(axes, panels, strict=True):
            for row, colour in zip(found, PALETTE, strict=False):
                curve = [0, *accumulate(row.days)]
                panel.plot(range(days + 1), curve, color=colour, linewidth=1.8, label=short(label(report, row)))
            panel.set_title(_count(report, currency, len(found)))
            panel.set_xlim(0, days)
            panel.set_xlabel("days of 24 hours since the first sale")
            money_axis(panel, "net revenue, added up", currency, horizontal=False)
            panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return rendered(figure, form)


def offboarding_chart(kocs: Sequence[DepartedKoc], form: ChartForm) -> bytes:
    """What each KOC that left is due, to the right, and owes, to the left. At least one of them has money."""
    every = sorted(((due.currency, koc.koc_id, due) for koc in kocs for due in koc.money), key=lambda one: one[0])
    panels = [(currency, list(found)[:MOST_BARS]) for currency, found in groupby(every, key=lambda one: one[0])]
    with chart("KOCs that left: what is due and owed", "as the books stand now", [
        _height(len(found)) for _, found in panels
    ]) as (figure, axes):  # fmt: skip
        for panel, (currency, found) in zip(axes, panels, strict=True):
            money = [due for _, _, due in found]
            stacked_bars(panel, [koc for _, koc, _ in found], _due_series(money), [""] * len(found))
            panel.set_title(currency)
            money_axis(panel, "owed (left) and due (right)", currency, horizontal=True)
        return rendered(figure, form)


def _due_series(money: Sequence[DueMoney]) -> list[tuple[str, str, list[int]]]:
    series = [
        ("payable", PALETTE[2], [due.stored.payable_minor for due in money]),
        ("held", PALETTE[1], [due.stored.held_minor for due in money]),
        ("pending", PALETTE[4], [due.stored.pending_minor for due in money]),
        ("in a payout", PALETTE[0], [sum(one.amount_minor for one in due.stored.payouts) for due in money]),
        ("owes", PALETTE[3], [-due.stored.owed_minor for due in money]),
    ]
    return [one for one in series if any(one[2])]


def _by_currency(rows: Iterable[SalesRow]) -> list[tuple[str, list[SalesRow]]]:
    return [(currency, list(found)) for currency, found in groupby(rows, key=lambda row: row.currency)]


def _height(bars: int) -> float:
    return _PANEL + _BAR * max(bars, 3)


def _count(report: SalesReport, currency: str, shown: int) -> str:
    """The panel's currency, and how many rows it leaves out."""
    total = sum(row.currency == currency for row in report.rows)
    return currency if shown == total else f"{currency}: {shown} of {total}"


def _subtitle(report: SalesReport, zone_minutes: int) -> str:
    """What counts, in words."""
    selection = report.selection
    first = None if selection.since is None else day_of(selection.since, zone_minutes)
    last = None if selection.until is None else day_of(selection.until - 1, zone_minutes)
    days = " ".join(f"{word} {day}" for word, day in (("from", first), ("to", last)) if day is not None)
    names = {"brand": selection.brand_id, "campaign": selection.campaign_id, "KOC": selection.koc_id}
    what = "first sold" if report.launch_days is not None else "paid"
    filters = [f"{name} {value}" for name, value in names.items() if value is not None]
    return " · ".join([f"{what} {days or 'at any time'}", *filters])
