"""The commands of the documents are run, in the order a reader would, against a real system."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import Block, blocks_of, expects

from scarcity.broker.process import free_port

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
# The tutorial starts the system that the later pages go on with.
PAGES = ("tutorial.md", "audit.md", "reports.md", "enrolment.md", "errors.md")
WAIT_S = 60.0
# A reader has the usual ports for himself; tests have others, and no other directory than theirs.
SHELL = """
set -e -o pipefail
scarcity() {
  case "$1" in
    start) shift; command scarcity start --port $PORT --monitor-port $MONITOR \\
      --data-dir system "$@";;
    *) command scarcity "${@//kafka.example:9092/127.0.0.1:$PORT}";;
  esac
}
"""


class Reader:
    """Follows pages in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._environment = {
            **os.environ,
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "PORT": (port := str(free_port())),
            "MONITOR": str(free_port()),
            "SCARCITY_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        self._background: list[tuple[Block, subprocess.Popen[bytes], Path]] = []
        self._printed = ""

    def follow(self, block: Block) -> None:
        """Do what the block says."""
        if name := block.options.get("file"):
            (self._directory / name).write_text(block.text + "\n", "utf-8")
        elif block.language == "text":
            missing = expects(block.text, self._printed)
            assert not missing, f"{block.where}: not printed: {missing[0]!r}\n{self._printed}"
        elif block.language == "sh" and "skip" not in block.options:
            if "background" in block.options:
                self._start(block)
            else:
                self._run(block)

    def _run(self, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-c", SHELL + block.text],
            cwd=self._directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=WAIT_S,
            check=False,
        )
        self._printed = done.stdout.decode(errors="replace")
        wanted = int(block.options.get("exit", 0))
        assert done.returncode == wanted, f"{block.where}: {done.returncode}\n{self._printed}"

    def _start(self, block: Block) -> None:
        log = self._directory / f"background-{len(self._background)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", SHELL + block.text],
                cwd=self._directory,
                env=self._environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._background.append((block, process, log))
        until, end = block.options["until"], time.monotonic() + WAIT_S
        while until not in (printed := log.read_text(errors="replace")):
            assert process.poll() is None, f"{block.where}: ended\n{printed}"
            assert time.monotonic() < end, f"{block.where}: {until!r} never came\n{printed}"
            time.sleep(0.1)
        self._printed = printed

    def close(self) -> None:
        """End what runs on, the last first; the system takes its services with it."""
        for _, process, _ in reversed(self._background):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for _, process, _ in reversed(self._background):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    for name in ("topics.yaml", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.timeout(400)
def test_a_reader_who_follows_the_pages_gets_what_they_say(reader: Reader) -> None:
    for page in PAGES:
        for block in blocks_of(ROOT / "docs" / page):
            reader.follow(block)
