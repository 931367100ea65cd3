"""With TLS, passwords, rights and signatures it learns, loses a broker, and refuses strangers."""

import asyncio
import urllib.error
import urllib.request

import pytest
from chaos.compose import ROOT, SECRETS, CommandError, ComposeSystem
from chaos.compose_run import run
from tests.containers.asking import until_scraped
from tests.containers.judging import STOP_S, tell_and_judge
from tests.monitor import records

from scarcity.broker.kafka import KafkaBroker
from scarcity.client.outgoing import insight_record
from scarcity.events.topics import DEAD_LETTERS

pytestmark = pytest.mark.timeout(3000)
ROUNDS = 12  # the long run is that of test_compose.py


async def test_nothing_drifts_and_the_rights_are_those_of_topics_yaml(
    secure_system: ComposeSystem,
) -> None:
    principals = ("--acls", "--principals", "/etc/scarcity/principals.yaml")
    told = await secure_system.compose(
        *("run", "--rm", "-T", "--no-deps", "--entrypoint", "scarcity", "topics"),
        *("topics", "drift", "--replication", "3", "--min-isr", "2", *principals),
        within_s=180,
    )
    assert "create" not in told


async def test_a_container_without_a_password_is_refused(secure_system: ComposeSystem) -> None:
    # Its own address, certificates and network, and no login.
    with pytest.raises(CommandError, match="scarcity: "):
        await secure_system.compose(
            *("run", "--rm", "-T", "-e", "SCARCITY_SECURITY_PROTOCOL=SASL_SSL"),
            *("-e", "SCARCITY_BOOTSTRAP_SERVERS=kafka-1:9092", "-e", "SCARCITY_TLS_CERT_FILE="),
            *("-e", "SCARCITY_TLS_KEY_FILE=", "tools", "domain", "list"),
        )


async def test_a_client_of_one_domain_does_not_get_into_another(
    secure_system: ComposeSystem,
) -> None:
    rows = ROOT / "infra" / "compose" / "data" / "medical.csv"
    stolen = SECRETS / "identities" / "medical"  # the password is its own
    with pytest.raises(CommandError, match=r"scarcity: .*medical.*ACLs refuse"):
        await secure_system.compose(
            *("run", "--rm", "-T", "--no-deps", "-v", f"{rows}:/data/rows.csv:ro"),
            *("-v", f"{stolen}:/stolen:ro", "-e", "SCARCITY_IDENTITY_DIR=/stolen"),
            *("client-economic", "client", "--data", "/data/rows.csv"),
            *("--domain", "medical", "--entity", "entity"),
        )


async def test_no_password_and_no_key_is_in_a_log(secure_system: ComposeSystem) -> None:
    logs = await secure_system.compose("logs", within_s=300)
    secret = await secure_system.execute("memory-1", "cat", "/run/secrets/password")
    assert secret.strip()
    assert secret.strip() not in logs
    assert "BEGIN PRIVATE KEY" not in logs


async def test_the_monitor_shows_its_pages_to_those_who_have_its_token(
    secure_system: ComposeSystem,
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{secure_system.monitor_url}/metrics", timeout=30)
    await until_scraped(secure_system)


async def test_who_may_write_to_a_domain_still_speaks_for_no_client_of_it(
    secure_system: ComposeSystem,
) -> None:
    forged = records.insight_event("medical-hospital-030001", "medical")
    async with KafkaBroker(secure_system.settings, "intruder") as broker:
        await broker.publish(insight_record(forged, now_ms=0))
        for _ in range(60):
            letters = await broker.read_all(DEAD_LETTERS)
            if letters:
                break
            await asyncio.sleep(1)
    assert [dict(letter.headers)["dl_reason"] for letter in letters] == [b"unsigned"]


async def test_it_learns_and_survives_as_without(secure_system: ComposeSystem) -> None:
    outcome = await run(secure_system, lambda text: print(text, flush=True), ROUNDS)
    tell_and_judge(outcome)
    assert {n: s for n, (s, _) in outcome.stops.items() if s > STOP_S} == {}
