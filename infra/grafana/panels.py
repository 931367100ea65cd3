"""Panels of the dashboards, in one style: unit, width, legend, what the figure means.

Built with Grafana's own typed library (grafana-foundation-sdk), whose classes are generated from
Grafana's schemas: a field that Grafana does not know is an error of types here.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig as Thresholds
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE: Final = models.DataSourceRef("prometheus", "scarcity-prometheus")
COLUMNS: Final = 24  # Grafana's grid
HEIGHT: Final = 8
Panel = timeseries.Panel | stat.Panel | bargauge.Panel | heatmap.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel, heatmap.Panel)

Queries = Mapping[str, str]  # expression by legend


def view(
    slug: str, about: str, panels: Iterable[Panel | Row], variable: QueryVariable | None = None
) -> Dashboard:
    """A dashboard with links to its siblings; panels fill its rows from left to right."""
    dashboard = (
        Dashboard(f"scarcity: {slug.replace('-', ' ')}")
        .uid(f"scarcity-{slug}")
        .description(about)
        .tags(["scarcity"])
        .readonly()
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("scarcity")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["scarcity"])
            .keep_time(True)
            .include_vars(True)
        )
    )
    if variable is not None:
        dashboard = dashboard.with_variable(variable)
    for number, panel in enumerate(panels, start=1):
        numbered = panel.id(number)
        dashboard = (
            dashboard.with_row(numbered)
            if isinstance(numbered, Row)
            else dashboard.with_panel(numbered)
        )
    return dashboard


def domain_variable(*, multi: bool) -> QueryVariable:
    """The choice of domains, from the series themselves."""
    variable = (
        QueryVariable("domain")
        .label("Domain")
        .datasource(DATASOURCE)
        .query("label_values(scarcity_rounds_total, domain)")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    return variable.multi(True).include_all(True) if multi else variable


def lines(
    title: str, about: str, queries: Queries, *,
    unit: str = "short", width: int = 12, most: float | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Curves over time.

    Args:
        unit: Grafana's id of a unit, e.g. `s`, `percentunit`.
        width: of 24 columns.
        most: upper end of the axis; None: as the data have it.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(8)
        .show_points(common_models.VisibilityMode.NEVER)
        .span(width)
        .height(HEIGHT)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.TABLE)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if most is not None:
        panel = panel.max(most)
    return _with(panel, queries)


def figures(
    title: str, about: str, queries: Queries, *,
    unit: str = "short", width: int = 6, bad_above: float | None = None,
) -> stat.Panel:  # fmt: skip
    """The newest values, large; the colour changes above ``bad_above``, and a graph shows why."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(bad_above))
        .span(width)
        .height(HEIGHT // 2)
    )
    return _with(panel, queries)


def bars(
    title: str, about: str, queries: Queries, *,
    unit: str = "percentunit", width: int = 12, most: float = 1.0, bad_above: float | None = None,
) -> bargauge.Panel:  # fmt: skip
    """One bar a series, newest value."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .max(most)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(bad_above))
        .span(width)
        .height(HEIGHT)
    )
    return _with(panel, queries)


def buckets(title: str, about: str, expression: str, *, width: int = 12) -> heatmap.Panel:
    """A histogram over time; colours of a map that the colour-blind can read."""
    panel = (
        heatmap.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit("s")
        .span(width)
        .height(HEIGHT)
    )
    return panel.with_target(query(expression, "{{le}}").format(PromQueryFormat.HEATMAP))


def query(expression: str, legend: str) -> prometheus.Dataquery:
    """A range query."""
    return (
        prometheus.Dataquery().datasource(DATASOURCE).expr(expression).legend_format(legend).range()
    )


def _with(panel: P, queries: Queries) -> P:
    for number, (legend, expression) in enumerate(queries.items()):
        target: Builder[Dataquery] = query(expression, legend).ref_id(chr(ord("A") + number))
        panel = panel.with_target(target)
    return panel


def _thresholds(bad_above: float | None) -> Thresholds:
    # Blue and orange differ for every eye.
    steps = [models.Threshold(None, "blue")]
    if bad_above is not None:
        steps.append(models.Threshold(bad_above, "orange"))
    return Thresholds().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
