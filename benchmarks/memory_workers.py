"""A broker in a temporary directory, and memory workers as `scarcity run memory` starts them."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.fold.insights import DOMAIN
from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.settings import KafkaSettings

TOPICS_FILE = Path(__file__).parents[1] / "topics.yaml"
LOOK_S = 0.05


@contextmanager
def broker() -> Iterator[KafkaSettings]:
    """A broker with the project's topics."""
    with tempfile.TemporaryDirectory(prefix="scarcity-bounds-") as directory:
        kafka = EmbeddedKafka(0, Path(directory), memory_mb=1024)
        kafka.start()
        try:
            settings = KafkaSettings(kafka.bootstrap_servers)
            admin = TopicAdmin(settings)
            admin.apply(admin.plan(load_topics(TOPICS_FILE), [DOMAIN]))
            yield settings
        finally:
            kafka.stop()


class Worker:
    """A memory worker and its log."""

    def __init__(self, kafka: KafkaSettings, directory: Path, name: str, bound: int) -> None:
        self.log = directory / f"{name}.log"
        environment = {
            **os.environ,
            "SCARCITY_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "SCARCITY_MEMORY_MAX_INSIGHTS": str(bound),
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scarcity.cli", "run", "memory"],
                env=environment,
                stdout=output,
                stderr=output,
            )

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident size now, or its peak (`VmHWM`); MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(rf"{field}:\s+(\d+)", status)[0]) * 1024 / 1e6

    async def until_told(self, pattern: str) -> re.Match[str]:
        """Wait for a line of the log.

        Raises:
            RuntimeError: the worker ended before.
        """
        while (found := re.search(pattern, self.log.read_text())) is None:
            if self.process.poll() is not None:
                raise RuntimeError(f"the worker ended: {self.log.read_text()[-500:]}")
            await asyncio.sleep(LOOK_S)
        return found

    def end(self) -> None:
        """Stop it as an operator does."""
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()


@contextmanager
def workers(kafka: KafkaSettings, count: int, bound: int) -> Iterator[list[Worker]]:
    """So many workers, gone at the end."""
    with tempfile.TemporaryDirectory() as directory:
        started = [Worker(kafka, Path(directory), f"{i}", bound) for i in range(count)]
        try:
            yield started
        finally:
            for worker in started:
                worker.end()
