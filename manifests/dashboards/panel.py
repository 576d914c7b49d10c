"""Panels: what all of a kind look like, written once."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, TypeAlias

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
    trend,
)
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.dashboards.query import Query

Panel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel | trend.Panel

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
NO_VALUE = "not in this store"

WIDE, HALF, THIRD, QUARTER, SIXTH = 24, 12, 8, 6, 4
TALL, LOW = 9, 4

_GOOD, _BAD, _PLAIN = "green", "red", "text"


def draw_lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = HALF,
    is_stacked: bool = False,
    least: float | None = 0.0,
    limit: float | None = None,
) -> Panel:
    """Series over time; `least` is the lower end of the axis, `limit` a red line."""
    panel = (
        timeseries.Panel()
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI))
        .line_width(1)
        .fill_opacity(60 if is_stacked else 0)
        .show_points(looks.VisibilityMode.NEVER)
    )
    if is_stacked:
        panel = panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL).group("A"))
    if least is not None:
        panel = panel.min(least)
    if limit is not None:
        style = common.GraphThresholdsStyleConfig().mode(looks.GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds(_limit(limit)).thresholds_style(style)
    for name, query in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_target(name, query).range())
    return (
        panel.title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .no_value(NO_VALUE)
        .span(width)
        .height(TALL)
    )


def show_number(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = SIXTH,
    none: str = NO_VALUE,
    limit: float | None = None,
    words: Mapping[str, str] | None = None,
    is_named: bool = False,
) -> Panel:
    """The newest value of each series, red above `limit`; `words` stand for single values.

    `is_named`: the series' names are the message, and no value is shown beside them.
    """
    panel = (
        stat.Panel()
        .graph_mode(looks.BigValueGraphMode.NONE)
        .color_mode(looks.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(_plain() if limit is None else _limit(limit))
    )
    if is_named:
        panel = panel.text_mode(looks.BigValueTextMode.NAME)
    elif len(queries) > 1 or any("{{" in query.legend for query in queries):
        panel = panel.text_mode(looks.BigValueTextMode.VALUE_AND_NAME)
    if words:
        panel = panel.mappings([_words(words)])
    for name, query in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_target(name, query).instant())
    return (
        panel.title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .no_value(none)
        .span(width)
        .height(LOW)
    )


def show_table(
    title: str,
    description: str,
    *queries: Query,
    width: int = HALF,
    sort_by: str = "",
    words: Mapping[str, str] | None = None,
    height: int = TALL,
    has_links: bool = False,
) -> Panel:
    """A row for each set of labels, a column for each query, named by its legend in its unit.

    `has_links`: each row leads to the dashboard of its workload.
    """
    panel = (
        table.Panel()
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(_without_time())
    )
    if sort_by:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort_by).desc(True)])
    for name, query in zip(ascii_uppercase, queries, strict=False):
        column = "Value" if len(queries) == 1 else f"Value #{name}"
        properties = [
            models.DynamicConfigValue(id_val="displayName", value=query.legend),
            models.DynamicConfigValue(id_val="unit", value=query.unit),
        ]
        if words:
            mapping = models.DynamicConfigValue(id_val="mappings", value=[_words(words)])
            properties.append(mapping)
        panel = panel.with_target(_table_target(name, query)).override_by_name(column, properties)
    if has_links:
        panel = panel.override_by_name("workload", [_link_to_workload()])
    return (
        panel.title(title)
        .description(description)
        .datasource(SOURCE)
        .no_value(NO_VALUE)
        .span(width)
        .height(height)
    )


def draw_curve(
    title: str,
    description: str,
    x: Query,
    *lines: Query,
    unit: str,
    marks: Sequence[Query] = (),
    width: int = HALF,
    none: str = NO_VALUE,
) -> Panel:
    """Lines against the values of `x`, and marks on them; all are joined by the label `point`."""
    queries = (x, *lines, *marks)
    panel = trend.Panel().x_field(x.legend).legend(_legend()).line_width(2).fill_opacity(0)
    panel = panel.show_points(looks.VisibilityMode.NEVER)
    for transformation in _join_by_point(x.legend, queries):
        panel = panel.with_transformation(transformation)
    for name, query in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_table_target(name, query))
    panel = panel.override_by_name(
        x.legend, [models.DynamicConfigValue(id_val="unit", value=x.unit)]
    )
    for mark in marks:
        panel = panel.override_by_name(mark.legend, _dots())
    return (
        panel.title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .no_value(none)
        .span(width)
        .height(TALL + 3)
    )


def _target(name: str, query: Query) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .ref_id(name)
        .expr(query.expression)
        .legend_format(query.legend)
    )


def _table_target(name: str, query: Query) -> prometheus.Dataquery:
    return _target(name, query).instant().format(PromQueryFormat.TABLE)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(looks.LegendDisplayMode.LIST)
        .placement(looks.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _words(words: Mapping[str, str]) -> models.ValueMap:
    colours = {"1": _GOOD, "0": _BAD}
    return models.ValueMap(
        options={
            value: models.ValueMappingResult(
                text=text, color=colours.get(value, _PLAIN), index=index
            )
            for index, (value, text) in enumerate(words.items())
        }
    )


def _plain() -> dashboard.ThresholdsConfig:
    return _steps(models.Threshold(value=None, color=_PLAIN))


def _limit(limit: float) -> dashboard.ThresholdsConfig:
    return _steps(
        models.Threshold(value=None, color=_PLAIN), models.Threshold(value=limit, color=_BAD)
    )


def _steps(*steps: models.Threshold) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(list(steps))


def _link_to_workload() -> models.DynamicConfigValue:
    row = "&".join(
        f"var-{name}=${{__data.fields.{name}:percentencode}}"
        for name in ("namespace", "workload", "container")
    )
    chosen = "${datasource:queryparam}&${cluster:queryparam}&${__url_time_range}"
    link = {"title": "Its dashboard", "url": f"/d/joulefit-workload?{row}&{chosen}"}
    return models.DynamicConfigValue(id_val="links", value=[link])


def _without_time() -> models.DataTransformerConfig:
    options = {"excludeByName": {"Time": True}}
    return models.DataTransformerConfig(id_val="organize", options=options)


def _join_by_point(x: str, queries: Sequence[Query]) -> list[models.DataTransformerConfig]:
    """One frame, its rows in the order of `x`, its fields named as the queries are."""
    names = zip(ascii_uppercase, queries, strict=False)
    renamed = {f"Value #{name}": query.legend for name, query in names}
    steps: list[tuple[str, dict[str, object]]] = [
        ("joinByField", {"byField": "point", "mode": "outer"}),
        ("filterFieldsByName", {"include": {"pattern": "Value.*"}}),
        ("organize", {"renameByName": renamed}),
        ("sortBy", {"fields": {}, "sort": [{"field": x, "desc": False}]}),
    ]
    return [models.DataTransformerConfig(id_val=name, options=options) for name, options in steps]


def _dots() -> list[models.DynamicConfigValue]:
    looks_of_a_mark = {
        "custom.drawStyle": "points",
        "custom.pointSize": 12,
        "custom.showPoints": "always",
    }
    return [
        models.DynamicConfigValue(id_val=name, value=value)
        for name, value in looks_of_a_mark.items()
    ]
