"""A meta worker in a process of its own, and a `global-memory` fed by hand."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.meta.feeding import folded, insight

from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.client_memory import memory_key
from scarcity.events.codec import decode_json, decode_msgpack, encode_json
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import DOMAINS, GLOBAL_MEMORY, LEDGER, META_PARAMETERS
from scarcity.events.types import Outgoing

META = "import os; from scarcity.meta.service import main; main(os.environ)"


class MetaProcess:
    """A worker and its log; a file, because a pipe that nobody reads would stop the worker."""

    def __init__(self, address: str, log: Path, settings: Mapping[str, str]) -> None:
        environment = {**os.environ, "SCARCITY_BOOTSTRAP_SERVERS": address, "OMP_NUM_THREADS": "1"}
        environment |= settings
        self.log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", META], env=environment, stderr=stderr
            )

    def kill(self) -> None:
        """End it by force; does nothing when it has ended."""
        self.process.kill()
        self.process.wait()

    async def exit_code(self) -> int:
        """Return once it has ended."""
        while (code := self.process.poll()) is None:
            await asyncio.sleep(0.05)
        return code

    async def until_told(self, text: str) -> None:
        """Return once the log holds the text."""
        while text not in self.log.read_text():
            await asyncio.sleep(0.05)


class MetaProcesses:
    """Workers of one broker, gone at the end whatever happened."""

    def __init__(self, address: str, directory: Path, **settings: str) -> None:
        self._address = address
        self._settings = settings
        self._directory = directory
        self.started: list[MetaProcess] = []

    def start(self) -> MetaProcess:
        """One more worker."""
        log = self._directory / f"meta-{len(self.started)}.log"
        self.started.append(MetaProcess(self._address, log, self._settings))
        return self.started[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.started:
            one.kill()


class HandFedMemory:
    """Writes records of `global-memory` as the memory would: offsets of a partition ascend."""

    def __init__(self, broker: KafkaBroker, domain: str) -> None:
        self._broker = broker
        self._domain = domain
        self._offsets = [0, 0, 0]

    async def declare(self, profile: DomainProfile) -> None:
        """Apply a profile."""
        await self._broker.publish(Outgoing(DOMAINS, profile.domain.encode(), encode_json(profile)))

    async def tell(self, clients: Sequence[str], sequence: int, version: int, at_ms: int) -> None:
        """One insight a client; the client's number modulo 3 is its partition."""
        outgoing = []
        for number, client in enumerate(clients):
            partition = number % 3
            told = insight(self._domain, client, sequence, version)
            memory = folded(told, offset=self._offsets[partition], partition=partition, at_ms=at_ms)
            self._offsets[partition] += 1
            outgoing.append(
                Outgoing(
                    GLOBAL_MEMORY,
                    memory_key(self._domain, client),
                    encode_json(memory),
                    partition=partition,
                )
            )
        await self._broker.publish(*outgoing)


async def ledger(broker: KafkaBroker) -> list[LedgerEntry]:
    """All committed entries."""
    return [decode_json(r.value, LedgerEntry) for r in await broker.read_all(LEDGER)]


async def until_version(settings: KafkaSettings, domain: str, version: int) -> MetaParameters:
    """The parameters, once they are at least of this version."""
    while True:
        latest = (await latest_by_key(settings, META_PARAMETERS)).get(domain.encode())
        if latest is not None:
            found = decode_msgpack(latest.value, MetaParameters)
            if found.version >= version:
                return found
        await asyncio.sleep(0.05)


def assert_one_chain(entries: list[LedgerEntry]) -> None:
    """No gap and no fork: each entry names the one before, each domain counts up from 0."""
    assert entries[0].parent == ""
    assert [e.parent for e in entries[1:]] == [e.hash() for e in entries[:-1]]
    for domain in {e.domain for e in entries}:
        versions = [e.version for e in entries if e.domain == domain]
        assert versions == list(range(len(versions)))


def assert_each_insight_was_used_once(entries: list[LedgerEntry], sent: dict[int, int]) -> None:
    """``sent``: number of insights by partition; their offsets count up from 0."""
    used: dict[int, list[int]] = {}
    for entry in entries:
        for inputs in entry.inputs:
            used.setdefault(inputs.partition, []).extend(inputs.offsets())
    assert used == {partition: list(range(count)) for partition, count in sent.items()}
