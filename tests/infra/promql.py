"""Which metrics and labels a PromQL expression names: enough for the expressions of infra/."""

import re
from functools import cache

from prometheus_client.parser import text_string_to_metric_families
from tests.monitor import records

from scarcity.monitor.metrics import Groups, SystemCollector, exposition
from scarcity.monitor.view import SystemView

KEYWORDS = {
    "and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right",
    "offset", "bool", "inf", "nan",
}  # fmt: skip


def metrics_in(expression: str) -> set[str]:
    """Names of the metrics.

    >>> sorted(metrics_in('sum by (a) (rate(x_total{b="c"}[5m])) > on (a) y'))
    ['x_total', 'y']
    """
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\boffset\s+\w+", " ", bare)
    found = re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(\s*\()?", bare)
    return {name for name, call in found if not call} - KEYWORDS


def labels_in(expression: str) -> set[str]:
    """Labels that an expression selects by or groups by.

    >>> sorted(labels_in('sum by (a, d) (rate(x_total{b="c"}[5m]))'))
    ['a', 'b', 'd']
    """
    selected = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    groups = re.findall(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)", expression)
    return {*selected, *(name.strip() for group in groups for name in group.split(",") if name)}


@cache
def labels_by_metric() -> dict[str, set[str]]:
    """Every sample that the monitor's page can have, and its labels; and what Prometheus adds."""
    view = SystemView(memory_limit=10_000)
    view.fold([*records.a_session(), *records.a_private_session(), *records.a_session_with_marks()])
    groups = Groups(
        {("scarcity-memory-fold", "insights.retail"): 7}, {"scarcity-memory-fold": 2}, 1
    )
    page = exposition(SystemCollector(view, lambda: 3_000, lambda: groups), process=True).decode()
    found: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return {name: labels | {"job", "instance"} for name, labels in found.items()}


def unknown_in(expression: str) -> set[str]:
    """Metrics of an expression that the page does not have, and labels that none of them has."""
    known = labels_by_metric()
    metrics = metrics_in(expression)
    labels = set[str]().union(*(known.get(name, set()) for name in metrics))
    return (metrics - known.keys()) | (labels_in(expression) - labels)
