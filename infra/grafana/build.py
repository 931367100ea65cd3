"""Writes the dashboards that Grafana provisions, from views/.

    python -m infra.grafana.build [--check]

`--check` writes nothing and exits 1 when a file is not what infra/grafana/views say.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from infra.grafana.views.dead_letters import dead_letters
from infra.grafana.views.domain import domain
from infra.grafana.views.gossip import gossip
from infra.grafana.views.latency import latency
from infra.grafana.views.memory import memory
from infra.grafana.views.overview import overview

DASHBOARDS: Final = Path(__file__).parent / "dashboards"
VIEWS: Final = (overview, domain, gossip, memory, latency, dead_letters)


def texts() -> dict[str, str]:
    """Every dashboard's JSON, by file name."""
    return {f"{build.__name__.replace('_', '-')}.json": _text(build().build()) for build in VIEWS}


def _text(dashboard: Any) -> str:
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, or check them."""
    wanted = texts()
    if "--check" in sys.argv[1:]:
        present = {path.name: path.read_text("utf-8") for path in DASHBOARDS.glob("*.json")}
        if present != wanted:
            sys.exit(
                "infra/grafana/dashboards is not what infra/grafana/views say: run "
                "python -m infra.grafana.build"
            )
        return
    DASHBOARDS.mkdir(exist_ok=True)
    for path in DASHBOARDS.glob("*.json"):
        path.unlink()
    for name, text in wanted.items():
        (DASHBOARDS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
