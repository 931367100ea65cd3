"""Files that people hand in: a YAML or a CSV made to hurt is refused in one line."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scarcity.audit.rules import read_policy
from scarcity.broker.declared import load_topics
from scarcity.client.domain_file import EXAMPLE, read_profiles
from scarcity.client.table import check_readable, read_clients
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.simulation.scenario_file import read_scenario

READERS: list[Callable[[Path], object]] = [load_topics, read_profiles, read_scenario, read_policy]
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HURTING = [
    LAUGHS,
    "[" * 100_000,
    "- " * 100_000,
    "a: !!python/object/apply:os.system ['true']",
    "a: !!binary 'not base64'",
    "a: 2026-13-45",
    "&a [*a]",
    "? [a, b]\n: c",
    "\ufeffa: 1",
    "a: " + "9" * 10_000,
    "'" + "x" * 1_000_000,
    "\x00",
    "%YAML 9.9\n---\na: 1",
]
PROFILE = DomainProfile(
    "retail",
    "retail",
    (Column("price", 0.0, 1.0), Column("week", 0.0, 1.0)),
    Column("sales", 0.0, 1.0),
)
SOME = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("number", range(len(HURTING)))
def test_a_yaml_made_to_hurt_is_refused_in_one_line(
    reader: Callable[[Path], object], number: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(HURTING[number])
    with pytest.raises(InputError) as refused:
        reader(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1_000


@SOME
@given(at=st.integers(0, len(EXAMPLE)), junk=st.text(max_size=12), cut=st.integers(0, 12))
def test_a_profile_with_a_slip_is_read_or_refused_in_one_line(
    tmp_path: Path, at: int, junk: str, cut: int
) -> None:
    path = tmp_path / "domain.yaml"
    path.write_text(EXAMPLE[:at] + junk + EXAMPLE[at + cut :], "utf-8", newline="")
    with contextlib.suppress(InputError):
        read_profiles(path)


@SOME
@given(raw=st.binary(max_size=200))
def test_any_bytes_as_a_csv_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"price,week,sales\n1,2,3\n" + raw)
    with contextlib.suppress(InputError):
        check_readable(path, target="sales")
    with contextlib.suppress(InputError):
        read_clients(path, PROFILE)
