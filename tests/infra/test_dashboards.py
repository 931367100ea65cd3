"""The dashboards are what the code says, Grafana's own types read them, their queries exist."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from infra.grafana.build import DASHBOARDS, texts
from infra.grafana.panels import COLUMNS, DATASOURCE
from tests.infra.promql import metrics_in, unknown_in

FILES = sorted(DASHBOARDS.glob("*.json"))
PROVISIONING = DASHBOARDS.parent / "provisioning"


def panels_of(path: Path) -> list[dict]:
    listed = json.loads(path.read_text())["panels"]
    inside = [panel for row in listed for panel in row.get("panels", [])]
    return [panel for panel in [*listed, *inside] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Every query of every dashboard, with the name of its panel."""
    for path in FILES:
        for panel in panels_of(path):
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def test_the_files_are_what_the_code_says() -> None:
    assert {path.name: path.read_text() for path in FILES} == texts()


def test_every_view_that_was_asked_for_is_there() -> None:
    wanted = {"overview", "domain", "gossip", "memory", "latency", "dead-letters"}
    assert {path.stem for path in FILES} == wanted


def without_empty(part: Any) -> Any:
    """The library writes `{}` for a panel without options of its own, and may read back more."""
    if isinstance(part, dict):
        return {key: without_empty(value) for key, value in part.items() if value != {}}
    return [without_empty(one) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_types_read_a_dashboard_and_lose_nothing(path: Path) -> None:
    """The classes are generated from Grafana's schemas: what they do not know would be gone."""
    register_default_plugins()
    written = json.loads(path.read_text())
    again = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert without_empty(again) == without_empty(written)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_is_complete(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    assert dashboard["uid"] == f"scarcity-{path.stem}"
    assert dashboard["tags"] == ["scarcity"]
    panels = panels_of(path)
    numbers = [panel["id"] for panel in panels]
    assert len(set(numbers)) == len(numbers)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"])):
            assert source["uid"] == DATASOURCE.uid


@pytest.mark.parametrize(("panel", "expression"), list(queries()))
def test_a_query_asks_for_metrics_and_labels_that_the_monitor_has(
    panel: str, expression: str
) -> None:
    assert metrics_in(expression), panel
    assert unknown_in(expression) == set(), panel


def test_every_family_of_a_domain_is_shown_somewhere() -> None:
    from scarcity.monitor.domain_families import DOMAIN_FAMILIES

    shown = set[str]().union(*(metrics_in(expression) for _, expression in queries()))
    assert {family.name for family in DOMAIN_FAMILIES} <= shown


def test_provisioning_brings_the_datasource_that_the_panels_name() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["uid"] == DATASOURCE.uid
    assert source["type"] == DATASOURCE.type_val
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "scarcity.yaml").read_text())[
        "providers"
    ]
    assert provider["type"] == "file"
