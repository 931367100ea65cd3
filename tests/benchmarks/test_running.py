"""The pace of readers is taken from what they print, whatever they are."""

import sys
from pathlib import Path

import pytest
from benchmarks.fold.running import ReaderError, pace

COUNTING = "import time\nfor n in range(0, 1001, 100): print(n, flush=True); time.sleep(.02)\n"


def test_two_readers_of_a_group_are_counted_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING + "time.sleep(60)"]
    found = pace([command, command], 2000, tmp_path / "reader")
    assert found.events_per_s > 0
    assert found.cpu_us >= 0


def test_a_reader_that_ends_early_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING + "raise SystemExit('no such topic')"]
    with pytest.raises(ReaderError, match="no such topic"):
        pace([command], 2000, tmp_path / "reader")
