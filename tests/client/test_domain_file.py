"""Domain profiles in YAML: what is read, and the one line an operator reads when it is wrong."""

from pathlib import Path

import pytest

from scarcity.client.domain_file import EXAMPLE, read_profiles
from scarcity.events.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "domain.yaml"


def test_the_example_of_the_help_is_a_profile(path: Path) -> None:
    path.write_text(EXAMPLE)
    (profile,) = read_profiles(path)
    assert profile.domain == "retail-eu"
    assert [c.name for c in profile.columns] == ["age", "visits", "sales"]
    assert profile.policy.min_clients == 2


def test_a_file_may_hold_several_domains(path: Path) -> None:
    path.write_text(EXAMPLE + "---\n" + EXAMPLE.replace("retail-eu", "retail-us"))
    assert [p.domain for p in read_profiles(path)] == ["retail-eu", "retail-us"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no domain"),
        ("a: 1\nb: [1", "line 2: not YAML"),
        ("- 1", "document 1 is not a mapping"),
        (EXAMPLE + "colour: red\n", "'retail-eu': unknown key 'colour'; known are domain, family"),
        (
            EXAMPLE.replace("center: 5", "centre: 5"),
            "features[1]: unknown key 'centre'; known are name, center, scale",
        ),
        (EXAMPLE.replace("scale: 12", "scale: 0"), "column 'age': scale 0.0 must be positive"),
        (EXAMPLE.replace(", scale: 3", ""), "scaling is declared, but a column lacks"),
        (EXAMPLE.replace("mode: sync", "mode: fast"), "policy mode 'fast' is unknown"),
        (EXAMPLE.replace("quorum", "quorums"), "quorums"),
        (EXAMPLE.replace("retail-eu", "Retail EU"), "use 1 to 64 lower-case letters"),
        (EXAMPLE.replace("privacy: budget ", "privacy: none "), "privacy"),
        ("domain: x\n", "missing required field `family`"),
    ],
)
def test_a_fault_is_one_line(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_profiles(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(InputError, match=r"domain\.yaml: cannot be read"):
        read_profiles(path)
