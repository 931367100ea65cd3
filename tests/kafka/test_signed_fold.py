"""Signed insights over a real Kafka: a killed worker leaves what an undisturbed fold would."""

import asyncio
from pathlib import Path

import pytest
from tests.kafka.memory_worker import start_worker, until_folded
from tests.memory.insights import insight
from tests.memory.signing import OPERATOR, STRANGER, identity

from scarcity import cli
from scarcity.broker.clock import now_ms
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.groups import committed_offsets
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.enrolment.office import KEY_FILE, REGISTER_FILE
from scarcity.events.codec import decode_json
from scarcity.events.credential import Credential
from scarcity.events.topics import CREDENTIALS, DEAD_LETTERS, GLOBAL_MEMORY, insights_topic
from scarcity.events.types import Outgoing
from scarcity.keys.files import write_key
from scarcity.keys.record_signing import Identity, sign_record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.service import GROUP
from scarcity.memory.settings import MemorySettings

pytestmark = pytest.mark.kafka

DOMAIN = "economic"
TOPIC = insights_topic(DOMAIN)
CLIENTS = tuple(f"bank-{number}" for number in range(8))


def told(who: Identity, sequence: int) -> Outgoing:
    import orjson

    client = who.certificate.client_id
    value = orjson.dumps(insight(client, domain=DOMAIN, sequence=sequence))
    key = client.encode()
    return Outgoing(TOPIC, key, value, sign_record(who, TOPIC, key, sequence, value))


async def test_a_killed_worker_and_a_revocation_leave_what_an_undisturbed_fold_would(
    own_kafka: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / KEY_FILE, OPERATOR)
    (tmp_path / REGISTER_FILE).touch()
    monkeypatch.setenv("SCARCITY_OPERATOR_KEYS_FILE", str(tmp_path / f"{KEY_FILE}.pub"))
    monkeypatch.setenv("SCARCITY_MEMORY_MAX_INSIGHTS", "15")
    kafka = KafkaSettings(own_kafka.bootstrap_servers)
    late = now_ms() + 86_400_000
    ids = {c: identity(c, domain=DOMAIN, expires_at_ms=late) for c in CLIENTS}
    thief = identity(CLIENTS[0], domain=DOMAIN, expires_at_ms=late, operator=STRANGER)
    first = start_worker(kafka.bootstrap_servers)
    try:
        async with KafkaBroker(kafka) as broker:
            for sequence in range(1, 40):
                wave = [told(who, sequence) for who in ids.values()]
                await broker.publish(*wave, told(thief, sequence))
            while not await committed_offsets(kafka, GROUP):
                await asyncio.sleep(0.05)
            first.kill()
            first.wait()
            words = ["revoke", CLIENTS[1], "--domain", DOMAIN, "--reason", "left the study"]
            words += ["--ca", str(tmp_path), "--bootstrap-servers", kafka.bootstrap_servers]
            assert await asyncio.to_thread(cli.main, words) == 0
            second = start_worker(kafka.bootstrap_servers)
            await broker.publish(*(told(who, 50) for who in ids.values()), wave[0], wave[2])
            await until_folded(kafka.bootstrap_servers, TOPIC)
            log = await broker.read_all(TOPIC)
            letters = await broker.read_all(DEAD_LETTERS)
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
    import os

    settings = MemorySettings.from_environment(os.environ)
    memory = GlobalMemory(settings.max_insights, partitions=3, limits=settings.limits)
    result = memory.fold(log)
    for topic, outgoing in ((GLOBAL_MEMORY, result.changed), (CREDENTIALS, result.credentials)):
        wanted = {out.key: out.value for out in outgoing}
        found = {key: r.value for key, r in (await latest_by_key(kafka, topic)).items()}
        assert found == {key: value for key, value in wanted.items() if value is not None}
    reasons = [dict(letter.headers)["dl_reason"].decode() for letter in letters]
    assert sorted(reasons) == sorted(
        dict(o.headers)["dl_reason"].decode() for o in result.dead_letters
    )
    assert reasons.count("forged") == 39
    assert reasons.count("replayed") == 2
    assert reasons.count("revoked") == 1
    (credential,) = [
        decode_json(record.value, Credential)
        for key, record in (await latest_by_key(kafka, CREDENTIALS)).items()
        if key == f"{DOMAIN}/{CLIENTS[1]}".encode()
    ]
    assert (credential.sequence, credential.reason) == (39, "left the study")
