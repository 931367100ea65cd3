"""A heartbeat tells a ready service from a starting, a hanging and a missing one."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from scarcity.events.errors import InputError
from scarcity.health.commands import main
from scarcity.health.heartbeat import READY, beat_for_ever, judge, uptime_s, write_beat

SCRIPT = Path(__file__).parents[2] / "infra" / "health.sh"


def test_a_fresh_beat_is_alive_and_ready_when_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    write_beat(file, READY, 100.0)
    assert judge(file, 101.0) == (True, True, "ready")
    write_beat(file, "waits for the broker", 101.0)
    assert judge(file, 102.0) == (True, False, "waits for the broker")
    assert [path.name for path in tmp_path.iterdir()] == ["beat"]


def test_an_old_beat_is_dead_whatever_it_says(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    write_beat(file, READY, 100.0)
    verdict = judge(file, 130.0)
    assert (verdict.alive, verdict.ready) == (False, False)
    assert "for 30 s" in verdict.told


def test_no_beat_and_no_heartbeat_file_are_dead(tmp_path: Path) -> None:
    assert "no heartbeat at" in judge(tmp_path / "beat", 1.0).told
    (tmp_path / "other").write_text("hello")
    assert "is no heartbeat" in judge(tmp_path / "other", 1.0).told


def test_a_place_that_cannot_be_written_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"SCARCITY_HEARTBEAT_FILE: .*tmpfs"):
        write_beat(tmp_path / "missing" / "beat", READY, 1.0)


async def test_it_beats_until_cancelled(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    beating = asyncio.create_task(beat_for_ever(file, lambda: READY))
    while not file.exists():
        await asyncio.sleep(0)
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating
    assert judge(file, uptime_s()).ready


CASES = pytest.mark.parametrize(
    ("state", "age_s", "options", "code"),
    [
        (READY, 0, [], 0),
        ("restores", 0, [], 1),
        ("restores", 0, ["--alive"], 0),
        (READY, 60, [], 1),
        (READY, 60, ["--alive"], 1),
    ],
)


@CASES
def test_the_command_exits_by_the_verdict(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    age_s: int,
    options: list[str],
    code: int,
) -> None:
    monkeypatch.setenv("SCARCITY_HEARTBEAT_FILE", str(tmp_path / "beat"))
    write_beat(tmp_path / "beat", state, uptime_s() - age_s)
    assert main(options) == code


@CASES
def test_the_shell_script_of_the_images_says_the_same(
    tmp_path: Path, state: str, age_s: int, options: list[str], code: int
) -> None:
    write_beat(tmp_path / "beat", state, uptime_s() - age_s)
    environ = {"SCARCITY_HEARTBEAT_FILE": str(tmp_path / "beat")}
    assert (
        subprocess.run(["/bin/sh", SCRIPT, *options], env=environ, check=False).returncode == code
    )


def test_the_shell_script_without_a_heartbeat_says_so(tmp_path: Path) -> None:
    environ = {"SCARCITY_HEARTBEAT_FILE": str(tmp_path / "beat")}
    ran = subprocess.run(["/bin/sh", SCRIPT], env=environ, check=False, capture_output=True)
    assert (ran.returncode, ran.stdout) == (1, b"no heartbeat\n")


def test_the_command_without_a_file_to_look_at_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SCARCITY_HEARTBEAT_FILE", raising=False)
    assert main([]) == 2
    assert "SCARCITY_HEARTBEAT_FILE" in capsys.readouterr().err
