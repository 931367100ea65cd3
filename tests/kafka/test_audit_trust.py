"""Signatures, checkpoints, marks and repairs over a real Kafka, while memory and meta run."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from tests.kafka import memory_worker, meta_worker
from tests.meta.feeding import insight, profile

from scarcity import cli
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import encode_json
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.topics import DEAD_LETTERS, DOMAINS, insights_topic
from scarcity.events.types import Outgoing
from scarcity.keys.files import write_key
from scarcity.keys.signing import SigningKey

pytestmark = pytest.mark.kafka

DOMAIN = "economic"
CLIENTS = tuple(f"bank-{number}" for number in range(6))
WRITER, OPERATOR, STRANGER = (SigningKey(bytes([n] * 32)) for n in (1, 2, 3))


class Rounds:
    """Clients that report once a version; a round closes when all that are expected have."""

    def __init__(self, address: str) -> None:
        self._settings = KafkaSettings(address)
        self._version = -1

    async def expect(self, clients: int) -> None:
        policy = RoundPolicy(min_clients=clients, quorum=1.0, deadline_s=600.0)
        declared = profile(DOMAIN, policy=policy)
        async with KafkaBroker(self._settings) as broker:
            await broker.publish(Outgoing(DOMAINS, DOMAIN.encode(), encode_json(declared)))
        if self._version < 0:
            await self.until(0)

    async def until(self, version: int) -> None:
        await meta_worker.until_version(self._settings, DOMAIN, version)
        self._version = version

    async def one(self) -> LedgerEntry:
        """A round of all clients; returns its entry."""
        version = self._version
        told = [insight(DOMAIN, client, version, version) for client in CLIENTS]
        async with KafkaBroker(self._settings) as broker:
            records = [
                Outgoing(insights_topic(DOMAIN), i.client_id.encode(), encode_json(i)) for i in told
            ]
            await broker.publish(*records)
            await self.until(version + 1)
            return (await meta_worker.ledger(broker))[-1]


async def expire(address: str, domain: str) -> None:
    """What retention does, at once: every partition begins after its first record."""
    settings = KafkaSettings(address)
    first: dict[TopicPartition, RecordsToDelete] = {}
    for record in await KafkaBroker(settings).read_all(insights_topic(domain)):
        where = TopicPartition(*record.position[:2])
        first.setdefault(where, RecordsToDelete(record.position.offset + 1))
    admin = AIOKafkaAdminClient(**settings.client_options())
    await admin.start()
    try:
        await admin.delete_records(first)
    finally:
        await admin.close()


@pytest.mark.timeout(170)
async def test_what_is_signed_marked_and_repaired_bears_an_audit(
    own_kafka: EmbeddedKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = own_kafka.bootstrap_servers
    files = {name: tmp_path / f"{name}.key" for name in ("writer", "operator", "stranger")}
    for path, key in zip(files.values(), (WRITER, OPERATOR, STRANGER), strict=True):
        write_key(path, key)
    public = {name: f"{path}.pub" for name, path in files.items()}
    bundle = tmp_path / "bundle.zip"

    async def run(*words: str | Path) -> tuple[int, str]:
        # A thread of its own: the command runs an event loop, as it does for a person.
        words = (*words, "--bootstrap-servers", address)
        code = await asyncio.to_thread(cli.main, list(map(str, words)))
        told = capsys.readouterr()
        return code, told.out + told.err

    trust = ("--trusted-keys", public["writer"], "--operator-keys", public["operator"])
    verify = ("audit", "verify", *trust, "--require-signatures")
    operator = ("--domain", DOMAIN, "--operator-key", files["operator"])
    rounds = Rounds(address)
    settings = {
        "SCARCITY_META_SIGNING_KEY": str(files["writer"]),
        "SCARCITY_META_OPERATOR_KEYS": public["operator"],
        "SCARCITY_META_CHECKPOINT_VERSIONS": "2",
    }
    processes = meta_worker.MetaProcesses(address, tmp_path, **settings)
    with memory_worker.worker(address), processes:
        meta = processes.start()
        await rounds.expect(6)
        for _ in range(4):
            await rounds.one()

        code, told = await run(*verify)
        assert (code, f"5 of 5 by key {WRITER.public.key_id} hold" in told) == (0, True), told
        code, told = await run("audit", "verify", "--trusted-keys", public["stranger"])
        assert (code, "not among the trusted" in told) == (1, True), told

        # Checkpoints lie behind versions 1 and 3.
        code, told = await run("audit", "verify", "--from", "4", "--from-checkpoint")
        assert (code, f"began at the checkpoint of {DOMAIN}@3" in told) == (0, True), told
        code, told = await run("audit", "explain", f"{DOMAIN}@4", "--from-checkpoint")
        assert (code, "hash equal to the ledger's" in told) == (0, True), told
        code, told = await run("audit", "verify", "--bisect")
        assert (code, "the last stretch is borne out" in told) == (0, True), told
        await run("audit", "export", bundle, "--all-insights")
        code, told = await run("audit", "verify", "--bisect", bundle)
        assert (code, "equal as far as both go" in told) == (0, True), told

        # A mark of an operator's, and its end.
        await rounds.expect(5)
        code, told = await run("quarantine", "add", "bank-5", *operator)
        assert (code, "the next version" in told) == (0, True), told
        entry = await rounds.one()
        assert [mark.client_id for mark in entry.marks] == ["bank-5"]
        assert entry.clients == 5
        code, told = await run("quarantine", "list")
        assert told == f"{DOMAIN}: bank-5, by operator since version 5\n"
        await run("quarantine", "lift", "bank-5", *operator)
        await rounds.expect(6)
        entry = await rounds.one()
        assert ([lift.client_id for lift in entry.lifted], entry.clients) == (["bank-5"], 6)

        # A stranger's word counts for nothing, and is parked.
        stranger = ("--domain", DOMAIN, "--operator-key", files["stranger"])
        await run("quarantine", "add", "bank-4", *stranger)
        async with KafkaBroker(KafkaSettings(address)) as broker:
            while not (parked := await broker.read_all(DEAD_LETTERS)):
                await asyncio.sleep(0.1)
        assert dict(parked[0].headers)["dl_reason"] == b"signature"

        # Asked for twice: without the names once more nothing is published.
        repair = ("audit", "counterfactual", "--without", "bank-0", "--publish-repair")
        repair = (*repair, "--operator-key", files["operator"])
        code, told = await run(*repair)
        assert (code, "repeat with --confirm bank-0" in told) == (1, True), told
        code, told = await run(*repair, "--confirm", "bank-0")
        assert (code, f"the repair is in the ledger\n{DOMAIN}@7 at " in told) == (0, True), told

        # A worker that takes over knows of it: bank-0 is heard no more.
        meta.kill()
        processes.start()
        await rounds.until(7)
        await rounds.expect(5)
        entry = await rounds.one()
        assert (entry.version, entry.clients) == (8, 5)

        code, told = await run(*verify)
        assert (code, "9 recomputed and equal" in told) == (0, True), told
        await run("audit", "export", bundle)
        code, told = await run(*verify, "--offline", bundle)
        assert (code, "9 recomputed and equal" in told) == (0, True), told

        # Retention takes the first insights: version 1, and the repair, which stands on all
        # versions. What lies behind a checkpoint is still made again.
        await expire(address, DOMAIN)
        code, told = await run(*verify)
        assert code == 3, told
        assert f"cannot be recomputed: {DOMAIN}@1, @7: insights.{DOMAIN}[" in told
        assert f"went on from the checkpoint of {DOMAIN}@1, {DOMAIN}@7" in told
        assert "7 recomputed and equal" in told
