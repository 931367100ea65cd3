"""A memory worker in a process of its own, and how far its group has come."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from scarcity.broker.groups import committed_offsets
from scarcity.broker.kafka import high_watermarks
from scarcity.broker.settings import KafkaSettings
from scarcity.memory.service import GROUP

MEMORY = "import os; from scarcity.memory.service import main; main(os.environ)"


def start_worker(address: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "SCARCITY_BOOTSTRAP_SERVERS": address}
    return subprocess.Popen([sys.executable, "-c", MEMORY], env=environment)


@contextmanager
def worker(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is stopped as a supervisor would, and ends well."""
    process = start_worker(address)
    try:
        yield process
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


async def until_folded(address: str, *topics: str, numbers: Iterable[int] = range(3)) -> None:
    """Return once all that lies in these partitions of the topics now is folded and committed."""
    wanted = {TopicPartition(topic, number) for topic in topics for number in numbers}
    kafka = KafkaSettings(address)
    ends = await high_watermarks(kafka, wanted)
    while True:
        done = await committed_offsets(kafka, GROUP)
        if all(done.get(tp, 0) >= end for tp, end in ends.items()):
            return
        await asyncio.sleep(0.1)


async def until_there(address: str, *topics: str) -> None:
    """Return once the broker knows topics that were just created; on a busy machine it lags."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        while not set(topics) <= set(await admin.list_topics()):
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
