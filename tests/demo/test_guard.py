import signal
import subprocess
import sys
import time
from pathlib import Path

from scarcity.demo.guard import signal_group, stop_groups

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
DEAF = (
    sys.executable,
    "-u",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); time.sleep(60)",
)


def test_groups_are_stopped_and_a_deaf_one_is_killed() -> None:
    sleeping = subprocess.Popen(SLEEP, start_new_session=True)
    deaf = subprocess.Popen(DEAF, start_new_session=True, stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    deaf.stdout.readline()
    stop_groups([sleeping.pid, deaf.pid], grace_s=0.3)
    assert sleeping.wait(10) == -signal.SIGTERM
    assert deaf.wait(10) == -signal.SIGKILL
    deaf.stdout.close()


def test_a_group_that_is_gone_is_no_error() -> None:
    gone = subprocess.Popen(SLEEP, start_new_session=True)
    gone.kill()
    gone.wait()
    assert not signal_group(gone.pid, signal.SIGTERM)
    stop_groups([gone.pid])


def test_what_a_killed_demo_started_is_stopped(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    demo = (
        "import pathlib, subprocess, sys, time\n"
        "from scarcity.demo.processes import Guard\n"
        "guard = Guard()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " start_new_session=True)\n"
        "guard.started(child.pid)\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid) + '\\n')\n"
        "time.sleep(60)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", demo])
    while not (note.exists() and note.read_text().endswith("\n")):
        assert killed.poll() is None
        time.sleep(0.02)
    child = int(note.read_text())
    killed.kill()
    killed.wait()
    while _is_running(child):
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    """Whether a process of another parent runs; a zombie that nobody reaps does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
