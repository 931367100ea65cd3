"""Every audit command over a real Kafka, while memory and meta are running."""

import asyncio
import json
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
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import DOMAINS, insights_topic
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka

DOMAIN = "economic"
CLIENTS = tuple(f"bank-{number}" for number in range(6))
ROUNDS = 3
POLICY = RoundPolicy(min_clients=len(CLIENTS), quorum=1.0, deadline_s=600.0)


async def learn(settings: KafkaSettings) -> None:
    """Rounds in which every client reports once on the version before."""
    async with KafkaBroker(settings) as broker:
        declared = profile(DOMAIN, policy=POLICY)
        await broker.publish(Outgoing(DOMAINS, DOMAIN.encode(), encode_json(declared)))
        await meta_worker.until_version(settings, DOMAIN, 0)
        for version in range(ROUNDS):
            told = [insight(DOMAIN, client, version, version) for client in CLIENTS]
            topic = insights_topic(DOMAIN)
            await broker.publish(
                *(Outgoing(topic, one.client_id.encode(), encode_json(one)) for one in told)
            )
            await meta_worker.until_version(settings, DOMAIN, version + 1)


async def expire_one_insight(settings: KafkaSettings) -> None:
    """What retention does, at once: the partition with the first record begins one later."""
    first = (await KafkaBroker(settings).read_all(insights_topic(DOMAIN)))[0].position
    admin = AIOKafkaAdminClient(**settings.client_options())
    await admin.start()
    try:
        where = TopicPartition(first.topic, first.partition)
        await admin.delete_records({where: RecordsToDelete(first.offset + 1)})
    finally:
        await admin.close()


@pytest.mark.timeout(120)
async def test_every_audit_command_works_from_the_topics_alone(
    own_kafka: EmbeddedKafka,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = own_kafka.bootstrap_servers
    settings = KafkaSettings(address)
    bundle, state = tmp_path / "bundle.zip", tmp_path / "state.json"

    async def audit(*words: str | Path) -> tuple[int, str]:
        # A thread of its own: the command runs an event loop, as it does for a person.
        code = await asyncio.to_thread(cli.main, ["audit", *map(str, words)])
        return code, capsys.readouterr().out

    live = ("--bootstrap-servers", address)
    processes = meta_worker.MetaProcesses(address, tmp_path)
    with memory_worker.worker(address), processes:
        processes.start()
        await learn(settings)

        code, told = await audit("verify", *live)
        assert (code, "4 recomputed and equal" in told) == (0, True), told
        assert "signatures: unsigned" in told

        code, told = await audit("explain", f"{DOMAIN}@2", *live)
        assert code == 0
        assert all(client in told for client in CLIENTS)

        words = ("replay", "--as-of", f"{DOMAIN}@2", "--out", state)
        code, told = await audit(*words, *live)
        assert code == 0
        written = json.loads(state.read_text())
        assert written["meta_parameters"][DOMAIN]["recomputed_equal"]
        assert [c["accepted"] for c in written["memory"][DOMAIN]] == [2] * len(CLIENTS)

        code, told = await audit("counterfactual", "--without", "bank-0,bank-1", *live)
        assert (code, "18 → 12" in told) == (0, True), told

        code, _ = await audit("export", bundle, *live)
        assert code == 0

        await expire_one_insight(settings)
        code, told = await audit("verify", *live)
        assert code == 3
        assert f"cannot be recomputed: {DOMAIN}@1-3: insights.{DOMAIN}[" in told

    # The bundle was written before: it still bears everything out, without a broker.
    code, told = await audit("verify", "--offline", bundle)
    assert (code, "4 recomputed and equal" in told) == (0, True), told
