"""What can be said of the chart without Helm; `make check-helm` renders and checks the rest."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from infra.helm.check import REFUSED
from infra.helm.custom import SPECIFICATIONS
from infra.helm.rendering import CHART, VALUE_SETS

from scarcity.broker.declared import load_topics
from scarcity.cli import SERVICES, build_parser
from scarcity.configuration.declaration import KEYS
from scarcity.memory.service import GROUP
from scarcity.monitor.settings import DEFAULT_PORT

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
TEMPLATES = "\n".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))


def merged(*changes: dict[str, Any]) -> dict[str, Any]:
    """Values as Helm merges them: maps deeply, all else by the last one."""

    def merge(base: Any, change: Any) -> Any:
        if isinstance(base, dict) and isinstance(change, dict):
            keys = base.keys() | change.keys()
            return {
                key: merge(base.get(key), change[key]) if key in change else base[key]
                for key in keys
            }
        return change

    result = VALUES
    for change in changes:
        result = merge(result, change)
    return result


def setting(path: str) -> dict[str, Any]:
    """A `--set` option as values."""
    keys, _, value = path.partition("=")
    result: Any = {"true": True, "false": False, "-1": -1}.get(value, value)
    for key in reversed(keys.split(".")):
        result = {key: result}
    return result


def refusals(values: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(values)]


@pytest.mark.parametrize("path", VALUE_SETS, ids=lambda path: path.stem)
def test_a_value_set_is_valid(path: Path) -> None:
    assert refusals(merged(yaml.safe_load(path.read_text()))) == []


@pytest.mark.parametrize("what", [what for what in REFUSED if what != "no broker"])
def test_a_wrong_value_is_refused(what: str) -> None:
    settings, _ = REFUSED[what]
    assert refusals(merged(*map(setting, settings)))


@pytest.mark.parametrize(
    "key", ["SCARCITY_SASL_PASSWORD", "SCARCITY_MONITOR_TOKEN", "PATH", "scarcity_log"]
)
def test_the_environment_takes_no_secret_and_nothing_foreign(key: str) -> None:
    assert refusals(merged({"config": {key: "x"}}))
    assert refusals(merged({"services": {"meta": {"env": {key: "x"}}}}))


def test_a_file_comes_from_a_secret_or_a_config_map_not_both() -> None:
    both = {"secret": "a", "configMap": "b", "key": "k", "env": "SCARCITY_X"}
    neither = {"key": "k", "env": "SCARCITY_X"}
    for file in (both, neither):
        assert refusals(merged({"services": {"meta": {"files": [file]}}}))


def test_every_value_is_described() -> None:
    """A value that the schema does not know would be refused, so none can be forgotten there."""
    assert set(VALUES) <= set(SCHEMA["properties"])
    assert SCHEMA["additionalProperties"] is False


def test_the_chart_runs_every_service_and_no_other() -> None:
    assert set(VALUES["services"]) == set(SERVICES)
    assert f"list {' '.join(json.dumps(service) for service in SERVICES)}" in TEMPLATES


def test_keys_of_the_environment_are_declared() -> None:
    """A key that the chart sets and nothing reads would be a warning in every pod's log."""
    known = set(KEYS)
    told = set()
    for path in (*VALUE_SETS, CHART / "values.yaml"):
        values = merged(yaml.safe_load(path.read_text()))
        told |= values["config"].keys()
        for service in values["services"].values():
            told |= service["env"].keys() | {file["env"] for file in service["files"]}
    told |= {word.strip() for line in TEMPLATES.splitlines()
             if (word := line.partition("- name: ")[2]).startswith("SCARCITY_")}  # fmt: skip
    assert {key for key in told if key.startswith("SCARCITY_")} - known == set()


def test_names_and_numbers_agree_with_the_code() -> None:
    assert f"consumerGroup: {GROUP}" in TEMPLATES
    assert TEMPLATES.count(str(DEFAULT_PORT)) >= 4
    assert "runAsUser: 10001" in TEMPLATES
    assert "USER 10001:10001" in (ROOT / "infra" / "Dockerfile").read_text()
    # More workers than partitions stand by, so scaling ends there.
    declared = load_topics(ROOT / "topics.yaml")
    (insights,) = [topic for topic in declared.topics if topic.name == "insights.<domain>"]
    assert VALUES["keda"]["maxReplicas"] == insights.partitions


def test_kinds_that_kubernetes_does_not_know_are_described() -> None:
    kinds = {
        (lines[n].split()[1], lines[n + 1].split()[1])
        for lines in [TEMPLATES.splitlines()]
        for n, line in enumerate(lines)
        if line.startswith("apiVersion: keda.sh")
    }
    assert kinds
    assert kinds <= SPECIFICATIONS.keys()


def test_the_documents_commands_set_values_that_there_are() -> None:
    """`--set` takes any key, and the schema refuses a wrong one only when it is used."""
    text = (ROOT / "docs" / "kubernetes.md").read_text().replace("\\\n", " ")
    commands = [line for line in text.splitlines() if line.startswith("helm ")]
    assert len(commands) >= 4
    for command in commands:
        options = re.findall(r"--set ([a-zA-Z.]+=\S+)", command)
        assert options, command
        assert refusals(merged(*map(setting, options))) == [], command


def test_the_documents_scarcity_commands_parse() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    lines = re.findall(r"^scarcity (.*?)(?: > \S+)?$", text, flags=re.MULTILINE)
    assert lines
    for line in lines:
        build_parser().parse_args(line.split())
