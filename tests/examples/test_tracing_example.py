"""The tracing example names services, networks and components that exist."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "tracing"


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


def test_the_collectors_pipeline_uses_what_is_declared_and_nothing_is_left_over() -> None:
    config = read(EXAMPLE / "collector.yaml")
    (pipeline,) = config["service"]["pipelines"].values()
    for part in ("receivers", "processors", "exporters"):
        assert sorted(pipeline[part]) == sorted(config[part])


def test_the_overlay_speaks_of_services_that_exist_and_of_the_collectors_port() -> None:
    system, overlay = (
        read(ROOT / "infra" / "compose.yaml"),
        read(EXAMPLE / "compose.tracing.yaml"),
    )
    added = {"collector", "jaeger"}
    assert overlay["services"].keys() - added <= system["services"].keys()
    known = system["networks"].keys() | overlay["networks"].keys()
    port = read(EXAMPLE / "collector.yaml")["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    for name, service in overlay["services"].items():
        assert set(service.get("networks", ())) <= known, name
        if name not in added:
            told = service["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
            assert told == f"http://collector:{port.rsplit(':', 1)[1]}"
    clients = [s for n, s in overlay["services"].items() if n.startswith("client-")]
    assert all("traces" in client["networks"] for client in clients)
    (mounted,) = overlay["services"]["collector"]["volumes"]
    assert (ROOT / "infra" / mounted.split(":")[0]).resolve() == EXAMPLE / "collector.yaml"
