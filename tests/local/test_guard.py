import signal
import subprocess
import sys
import time
from pathlib import Path

from scarcity.local.guard import broker_groups, signal_group, stop_groups

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


def test_what_a_killed_demo_started_is_stopped_at_whatever_moment(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = (
        f"import os, time; open({str(note)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    )
    demo = (
        "import os, subprocess, sys, time\n"
        "from scarcity.local.processes import Guard, REGISTER\n"
        "guard = Guard()\n"
        f"command = [*REGISTER, sys.executable, '-c', {child!r}]\n"
        "subprocess.Popen(command, stdin=guard.pipe, start_new_session=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", demo], check=False)
    assert killed.returncode == -signal.SIGKILL
    # The child may be stopped before it notes its pid; if it does note it, it does not stay.
    time.sleep(1)
    if note.exists() and note.read_text().endswith("\n"):
        while _is_running(int(note.read_text())):
            time.sleep(0.02)


def test_a_broker_is_found_by_its_pid_file(tmp_path: Path) -> None:
    pid_file = tmp_path / "broker.pid"
    pid_file.write_text('{"pid": 4711, "port": 9092}')
    lines = [f"@{pid_file}\n", f"@{tmp_path / 'none.pid'}\n", "+12\n"]
    assert broker_groups(lines) == {4711}
    pid_file.write_text("half writ")
    assert broker_groups(lines) == set()


def _is_running(pid: int) -> bool:
    """Whether a process of another parent runs; a zombie that nobody reaps does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
