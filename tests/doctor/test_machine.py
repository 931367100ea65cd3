from pathlib import Path

import pytest

from scarcity.doctor import machine
from scarcity.doctor.finding import Finding, Verdict, as_json, as_lines, exit_code


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 10), Verdict.FAILED), ((3, 11), Verdict.OK), ((3, 14), Verdict.OK)],
)
def test_python(version: tuple[int, int], verdict: Verdict) -> None:
    assert machine.check_python(version).verdict is verdict


def test_missing_packages_name_the_extra_that_brings_them() -> None:
    finding = machine.check_packages(lambda package: package != "torch")
    assert finding.verdict is Verdict.WARNING
    assert "torch" in finding.found
    assert "'scarcity[learn]'" in finding.advice


def test_all_packages() -> None:
    assert machine.check_packages(lambda _: True).verdict is Verdict.OK


def test_java() -> None:
    assert machine.check_java(lambda: None).verdict is Verdict.WARNING
    assert machine.check_java(lambda: Path("/jdk/bin/java")).found == "/jdk/bin/java"
    assert machine.packaged_java() is not None  # the suite's broker runs on it


def test_a_taken_port_is_fine_when_it_is_the_broker_s() -> None:
    ports = {"broker": 9092, "the monitor": 9464}
    free = machine.check_ports(ports, False, lambda _: True)
    assert [f.verdict for f in free] == [Verdict.OK, Verdict.OK]
    taken = machine.check_ports(ports, True, lambda _: False)
    assert [f.verdict for f in taken] == [Verdict.OK, Verdict.WARNING]
    strange = machine.check_ports(ports, False, lambda _: False)
    assert [f.verdict for f in strange] == [Verdict.WARNING, Verdict.WARNING]
    assert "--port" in strange[0].advice


def test_disk_looks_at_the_nearest_directory_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(tmp_path) in machine.check_disk(tmp_path / "not" / "yet").found
    monkeypatch.setattr(machine, "TOO_LITTLE_DISK", 1e9)
    assert machine.check_disk(tmp_path).verdict is Verdict.FAILED


def test_only_a_failure_makes_the_exit_code() -> None:
    warning = Finding("java", Verdict.WARNING, "none", "install one")
    failure = Finding("disk", Verdict.FAILED, "full")
    assert exit_code([warning]) == 0
    assert exit_code([warning, failure]) == 1
    assert as_json([warning])[0] == {
        "check": "java",
        "verdict": "warning",
        "found": "none",
        "advice": "install one",
    }
    assert as_lines([warning])[1].strip() == "→ install one"
