"""Scenarios from YAML: every mistake is one line with its place."""

from pathlib import Path

import pytest

from scarcity.events.errors import InputError
from scarcity.simulation.scenario import Rounds, Sinusoid, Stream
from scarcity.simulation.scenario_file import read_scenario

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.yaml"))
GOOD = """\
name: small
domains:
  - name: waves
    data: {kind: sinusoid, clients: 5}
    clients:
      arrival: {kind: stream, every_s: 3}
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    return read_scenario(path)


def test_a_good_scenario_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(GOOD)
    domain = read_scenario(path).domains[0]
    assert domain.data == Sinusoid(clients=5)
    assert domain.clients.arrival == Stream(every_s=3.0)
    assert read_scenario(path).directory == tmp_path


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_scenario(path: Path) -> None:
    assert read_scenario(path).domains


@pytest.mark.parametrize(
    ("found", "instead", "line", "message"),
    [
        ("every_s: 3", "evry_s: 3", 6, "domains[0].clients.arrival.evry_s: unknown key"),
        ("name: small", "nam: small", 1, "nam: unknown key"),
        ("clients: 5}", "clients: many}", 4, "domains[0].data.clients: Expected `int`, got `str`"),
        ("kind: sinusoid", "kind: square", 4, "domains[0].data.kind: Invalid value 'square'"),
        (
            "every_s: 3",
            "every_s: -3",
            6,
            "domains[0].clients.arrival.every_s: Expected `float` > 0",
        ),
        ("name: waves", "name: Waves", 3, "domains[0].name: domain 'Waves'"),
        ("name: small", "name: small\nlearning: {rat: 1}", 2, "learning.rat: unknown key"),
        ("name: small", "name: small\nname: again", 2, "name: stands twice"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(
    tmp_path: Path, found: str, instead: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, GOOD.replace(found, instead))
    told = str(caught.value)
    assert f"scenario.yaml line {line}: {message}" in told
    assert "\n" not in told


def test_the_same_domain_twice_is_refused(tmp_path: Path) -> None:
    domain = GOOD[GOOD.index("  - name") :]
    with pytest.raises(InputError, match="'waves' stands twice"):
        read(tmp_path, GOOD + domain)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_scenario(tmp_path / "none.yaml")


def test_rounds_are_the_default_arrival(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(GOOD[: GOOD.index("    clients:\n")])
    assert read_scenario(path).domains[0].clients.arrival == Rounds(clients=32)
