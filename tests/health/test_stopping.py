"""A process that starts hears a planned stop; one that must not wait leaves in any case."""

import signal
import subprocess
import sys

START = """
import time
from scarcity.health.stopping import stop_at_once_on_sigterm
stop_at_once_on_sigterm()
print("ready", flush=True)
time.sleep(60)
"""
LEAVE = """
import time
from scarcity.health.stopping import leave_in_any_case
leave_in_any_case(within_s=0.05)
time.sleep(60)
"""


def test_a_planned_stop_while_it_starts_ends_it_with_exit_code_0() -> None:
    command = [sys.executable, "-c", START]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_it_leaves_with_exit_code_0_whatever_still_runs() -> None:
    ran = subprocess.run([sys.executable, "-c", LEAVE], check=False, timeout=30)
    assert ran.returncode == 0
