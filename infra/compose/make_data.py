"""Writes what the containers of infra/compose.yaml mount: the demo's panels as CSV, their profiles.

    python infra/compose/make_data.py [DIRECTORY]

One file a domain, with the entities that take part; `domains.yaml` holds the profiles that the
operator declares. All of it is public data.
"""

import csv
import sys
from pathlib import Path

import msgspec
import yaml

from scarcity.demo.domains import demo_profile
from scarcity.demo.panels import PANEL_NAMES, load_panel, split


def write_rows(domain: str, path: Path) -> None:
    """The rows of the entities that take part, with a column `entity`."""
    panel = load_panel(domain)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["entity", *panel.features, panel.target])
        for name in split(panel).training:
            x, y = panel.entities[name]
            writer.writerows([name, *row, target] for row, target in zip(x, y, strict=True))


def main(directory: Path) -> None:
    """Write all files."""
    directory.mkdir(parents=True, exist_ok=True)
    for domain in PANEL_NAMES:
        write_rows(domain, directory / f"{domain}.csv")
    profiles = [msgspec.to_builtins(demo_profile(domain)) for domain in PANEL_NAMES]
    (directory / "domains.yaml").write_text(yaml.safe_dump_all(profiles, sort_keys=False), "utf-8")
    # The containers' user is nobody's on this machine.
    for path in directory.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
