"""Writes a board as the JSON that Grafana provisions."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import bargauge, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableOption,
    VariableRefresh,
)

from deploy.grafana.panel import HEADING_ROWS, Board, Kind, Panel, Step

RULES = Path(__file__).parents[1] / "prometheus/rules/koc.yml"
TAG = "koc"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As deploy/grafana/provisioning names it."""


class _Link(DashboardLink):
    """A link where readers expect it: the SDK moves every link into a menu."""

    def build(self) -> "_Link":
        return self

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in super().to_json().items() if name != "placement"}


def grafana_json(board: Board) -> str:
    """The board as Grafana's JSON, ids counted from 1 and every panel at its place."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.purpose)
        .tags([TAG])
        .timezone("utc")
        .time(board.since, "now")
        .refresh(board.refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_Link(title="KOC settlement", type_val=DashboardLinkType.DASHBOARDS, tags=[TAG], keep_time=True))
        .annotation(_pages())
        .annotation(_runs())
    )
    if board.by_instance:
        built.with_variable(_instances())
    identities = count(1)
    for drawn in _placed(board):
        drawn.id(next(identities))
        (built.with_row if isinstance(drawn, dashboard.Row) else built.with_panel)(drawn)
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _placed(board: Board) -> Iterator[Any]:
    """Headings and panels, each at its place on the grid."""
    top = 0
    for row in board.rows:
        yield dashboard.Row(row.question).grid_pos(GridPos(h=HEADING_ROWS, w=24, x=0, y=top))
        top += HEADING_ROWS
        left = 0
        for panel in row.panels:
            yield _KINDS[panel.kind](panel).grid_pos(GridPos(h=row.height, w=panel.span, x=left, y=top))
            left += panel.span
        top += row.height


def _pages() -> dashboard.AnnotationQuery:
    """A red mark where an alert began to page."""
    return (
        dashboard.AnnotationQuery()
        .name("Pages")
        .datasource(SOURCE)
        .enable(True)  # noqa: FBT003 - the SDK's own signature
        .icon_color("red")
        .expr('ALERTS{alertstate="firing", severity="page"}')
        .title_format("{{alertname}}")
        .step("30s")
    )


def _runs() -> dashboard.AnnotationQuery:
    """A blue mark where a settlement run was finished."""
    return (
        dashboard.AnnotationQuery()
        .name("Settlement runs")
        .datasource(SOURCE)
        .enable(True)  # noqa: FBT003 - the SDK's own signature
        .icon_color("blue")
        .expr("max(koc_ledger_run_finished_timestamp_seconds) * 1000")
        .title_format("a settlement run was finished")
        .use_value_for_time(True)  # noqa: FBT003 - the SDK's own signature
    )


def _instances() -> dashboard.QueryVariable:
    """All processes, or the chosen ones."""
    return (
        dashboard.QueryVariable("instance")
        .label("Process")
        .datasource(SOURCE)
        .query("label_values(koc_build_info, instance)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the SDK's own signature
        .include_all(True)  # noqa: FBT003 - the SDK's own signature
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all", selected=True))
    )


def _numbers(panel: Panel) -> stat.Panel:
    """The last value of each series on its colour."""
    return (
        _described(stat.Panel(), panel)
        .reduce_options(_last())
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.NAME if panel.names_only else BigValueTextMode.VALUE_AND_NAME)
    )


def _curves(panel: Panel) -> timeseries.Panel:
    """Each series over time, with its last value in the legend."""
    drawn = (
        _described(timeseries.Panel(), panel)
        .min(0)
        .line_width(1)
        .fill_opacity(30 if panel.stacked else 8)
        .show_points(VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .show_legend(True)  # noqa: FBT003 - the SDK's own signature
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["lastNotNull"])
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.stacked:
        drawn.stacking(StackingConfig().mode(StackingMode.NORMAL))
    if panel.steps:
        drawn.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return drawn


def _bars(panel: Panel) -> bargauge.Panel:
    """The last value of each series as a bar."""
    return (
        _described(bargauge.Panel(), panel)
        .reduce_options(_last())
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .min(0)
    )


def _states(panel: Panel) -> statetimeline.Panel:
    """A lane a series, in the colour of its state."""
    return _described(statetimeline.Panel(), panel).show_value(VisibilityMode.AUTO).row_height(0.8).line_width(0)


_KINDS: dict[Kind, Callable[[Panel], Any]] = {
    Kind.NUMBERS: _numbers,
    Kind.CURVES: _curves,
    Kind.BARS: _bars,
    Kind.STATES: _states,
}


def _described(builder: Any, panel: Panel) -> Any:
    """What all kinds share: queries, words, colours and links."""
    builder.title(panel.title).description(panel.meaning).datasource(SOURCE).unit(panel.unit)
    builder.targets([_asked(panel, number) for number in range(len(panel.queries))])
    steps = [Threshold(value=step.value, color=step.color) for step in panel.steps or (Step(None, "blue"),)]
    builder.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    builder.links(
        [_Link(title=f"Runbook: {alert}", url=_runbook_urls()[alert], target_blank=True) for alert in panel.runbook]
    )
    if panel.words:
        words = {str(value): ValueMappingResult(text=text, color=color) for value, text, color in panel.words}
        builder.mappings([ValueMap(options=words)])
    return builder if panel.maximum is None else builder.max(panel.maximum)


def _asked(panel: Panel, number: int) -> prometheus.Dataquery:
    """A query of a panel; one whose last value is shown asks for now: a series that has ended shows nothing."""
    query = panel.queries[number]
    asked = (
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + number))
        .datasource(SOURCE)
        .expr(query.expression)
        .legend_format(query.legend)
    )
    return asked.instant() if panel.kind in {Kind.NUMBERS, Kind.BARS} else asked


@cache
def _runbook_urls() -> dict[str, str]:
    """Alert -> its section of the runbook, as the alert itself says."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {
        rule["alert"]: rule["annotations"]["runbook_url"]
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }


def _last() -> ReduceDataOptions:
    return ReduceDataOptions().calcs(["lastNotNull"])
