"""The page tells every topic, event and field, and is what the repository holds."""

from pathlib import Path

import pytest

from scarcity.broker import schemas
from scarcity.broker.declared import load_topics
from scarcity.broker.topics_page import page
from scarcity.cli import main

ROOT = Path(__file__).parents[2]
DECLARED = load_topics(ROOT / "topics.yaml")
SCHEMAS = {name: schemas.json_schema(name) for name in schemas.EVENTS}
PAGE = page(schemas.asyncapi(DECLARED), SCHEMAS)


def test_every_topic_is_there_with_who_writes_and_reads_it() -> None:
    table = PAGE.split("## Topics")[1].split("## Headers")[0].splitlines()
    rows = {line.split("|")[1].strip(): line for line in table if line.startswith("| `")}
    for topic in DECLARED.topics:
        row = rows[f"`{topic.name.replace('<domain>', '{domain}')}`"]
        _, _, _, _, _, writers, readers, *_ = row.split("|")
        for name, service in DECLARED.services.items():
            assert (topic.name in service.produces) == (name in writers.replace(",", "").split())
            assert (topic.name in service.consumes) == (name in readers.replace(",", "").split())


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_of_an_event_is_there(name: str) -> None:
    section = PAGE.split(f'<a id="{name.lower()}"></a>')[1].split("\n### ")[0]
    for field in SCHEMAS[name]["properties"]:
        assert f"| `{field}` |" in section


def test_links_lead_somewhere() -> None:
    for event in (topic.value for topic in DECLARED.topics if topic.value in SCHEMAS):
        assert f"(#{event.lower()})" in PAGE
        assert f'<a id="{event.lower()}"></a>' in PAGE


def test_a_page_that_differs_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, topics = str(tmp_path / "schemas"), str(ROOT / "topics.yaml")
    told = tmp_path / "topics.md"
    common = ["--out", out, "--file", topics, "--page", str(told)]
    assert main(["schemas", "--write", *common]) == 0
    assert told.read_text() == PAGE
    assert main(["schemas", "--check", *common]) == 0
    told.write_text(PAGE + "changed")
    assert main(["schemas", "--check", *common]) == 1
    assert "topics.md" in capsys.readouterr().out
