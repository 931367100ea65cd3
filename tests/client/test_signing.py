"""What clients with identities publish is signed; a limit of the certificate is kept."""

import argparse
import asyncio
from functools import partial
from pathlib import Path

import pytest
from tests.client.hosting import SLOW, parameters, plans, traded, until
from tests.client.worlds import clients, profile
from tests.memory.signing import DAY_MS, LIMITS, NOW_MS, OPERATOR, identity

from scarcity.broker.clock import now_ms
from scarcity.client.commands import trust_of
from scarcity.client.core import ClientGroup
from scarcity.client.noising import Discretion
from scarcity.client.service import ClientHost
from scarcity.client.signing import Signing, within_certificates
from scarcity.enrolment.joining import install, join
from scarcity.enrolment.office import Terms, open_office
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.insight import Insight
from scarcity.keys.identity import certificate_text
from scarcity.keys.record_signing import RecordVerifier
from scarcity.keys.registration_guard import RegistrationGuard
from scarcity.memory.global_memory import GlobalMemory
from scarcity.simulation.log import MemoryLog

IDENTITIES = {name: identity(name) for name in ("c0", "c1")}


async def test_a_host_signs_insights_and_registrations() -> None:
    log = MemoryLog(now_ms=lambda: NOW_MS)
    await log.publish(parameters(0))
    group = ClientGroup(profile(), clients(2))
    host = ClientHost(log, group, SLOW, now_ms=lambda: NOW_MS, identities=IDENTITIES)
    running = asyncio.create_task(host.run())
    try:
        await until(partial(published, log, 2))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    memory = GlobalMemory(limits=LIMITS)
    result = memory.fold(await log.read_all("insights.retail"))
    assert result.dead_letters == []
    assert [client.serial for client in memory.by_domain("retail")] == [1, 1]
    guard = RegistrationGuard([OPERATOR.public])
    registrations = await log.read_all("clients")
    assert len(registrations) >= 2
    for record in registrations:
        guard.check(record, "retail")


async def test_hosts_of_one_domain_trade_when_their_registrations_are_signed() -> None:
    log = MemoryLog(now_ms=lambda: NOW_MS)
    await log.publish(parameters(0))
    verifier = RecordVerifier([OPERATOR.public])
    hosts = [
        ClientHost(
            log,
            ClientGroup(profile(), {name: rows}),
            SLOW,
            now_ms=lambda: NOW_MS,
            identities={name: IDENTITIES[name]},
            verifier=verifier,
        )
        for name, rows in clients(2).items()
    ]
    running = [asyncio.create_task(host.run()) for host in hosts]
    try:
        for cycle in (1, 2, 3):
            await log.publish(*plans(cycle, "c0", "c1"))
            await until(partial(traded, log, cycle=cycle, exchanges=cycle - 2))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def published(log: MemoryLog, count: int) -> bool:
    return len(await log.read_all("insights.retail")) >= count


def test_registrations_of_one_start_are_numbered_and_those_of_the_next_go_on() -> None:
    def numbers(signing: Signing, at_ms: int) -> list[int]:
        told = ClientRegistered("c0", "retail", 3, at_ms)
        records = signing.registrations([told, told], NOW_MS)
        return [int(dict(record.headers)["sc_seq"]) for record in records]

    first = numbers(Signing(IDENTITIES), 5_000)
    second = numbers(Signing(IDENTITIES), 6_000)
    assert first[0] < first[1] < second[0] < second[1]


def test_without_an_identity_nothing_is_signed() -> None:
    insight = Insight("c0", {}, 0.5, 3, "retail", sequence=1)
    (record,) = Signing({}).insights([insight], NOW_MS)
    (registration,) = Signing({}).registrations([ClientRegistered("c0", "retail", 3, 0)], NOW_MS)
    names = {name for name, _ in (*record.headers, *registration.headers)}
    assert "sc_sig" not in names
    assert Signing({}).told == "UNSIGNED"


def test_an_expired_certificate_stops_the_client_and_is_told_long_before() -> None:
    insight = Insight("c0", {}, 0.5, 3, "retail", sequence=1)
    signing = Signing(IDENTITIES)
    with pytest.raises(ServiceError, match=r"expired .*join TOKEN --again"):
        signing.insights([insight], NOW_MS + 2 * DAY_MS)
    assert len(signing.expiring(NOW_MS)) == 2
    assert signing.expiring(NOW_MS - 60 * DAY_MS) == []


@pytest.mark.parametrize(
    ("own", "granted", "kept"),
    [(None, None, None), (2.0, None, 2.0), (2.0, 1.0, 1.0), (1.0, 2.0, 1.0), (None, 2.0, 2.0)],
)
def test_a_client_keeps_to_the_stricter_epsilon(
    own: float | None, granted: float | None, kept: float | None
) -> None:
    identities = {"c0": identity("c0", epsilon_limit=granted)}
    assert within_certificates(Discretion(b"", own), identities).epsilon_limit == kept


def test_identity_and_operators_are_named_by_option_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_office(tmp_path / "ca")
    directory = tmp_path / "id"
    token = office.invite("c0", "retail", Terms(), token_days=1, now_ms=now_ms())
    request = join(directory, token).read_text()
    (tmp_path / "c0.cert").write_text(certificate_text(office.sign(request, now_ms=now_ms())))
    install(directory, tmp_path / "c0.cert")
    monkeypatch.delenv("SCARCITY_IDENTITY_DIR", raising=False)
    monkeypatch.delenv("SCARCITY_OPERATOR_KEYS_FILE", raising=False)
    args = argparse.Namespace(identity=None, domain="retail")
    assert trust_of(args, ["c0"]) == ({}, None, None)
    monkeypatch.setenv("SCARCITY_IDENTITY_DIR", str(directory))
    monkeypatch.setenv("SCARCITY_OPERATOR_KEYS_FILE", str(tmp_path / "ca" / "operator.key.pub"))
    identities, keys, verifier = trust_of(args, ["c0"])
    assert list(identities) == ["c0"]
    assert keys is not None
    assert verifier is not None
    with pytest.raises(InputError, match="not of 'c1'"):
        trust_of(args, ["c1"])
    with pytest.raises(InputError, match="no identity of client 'c0'"):
        trust_of(argparse.Namespace(identity=tmp_path, domain="retail"), ["c0"])
