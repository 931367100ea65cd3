"""docs/access.md shows the rights that topics.yaml gives."""

from pathlib import Path

import pytest

from scarcity.cli import main

ROOT = Path(__file__).parents[2]


def test_the_page_holds_the_table_of_topics_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "rights", "--file", str(ROOT / "topics.yaml")]) == 0
    table = capsys.readouterr().out
    assert "| `insights.<domain>` |" in table
    page = (ROOT / "docs" / "access.md").read_text("utf-8")
    assert table in page, "put the output of `scarcity topics rights` into docs/access.md"
