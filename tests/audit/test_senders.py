"""Who signed the insights that versions used: live, and from a bundle."""

import asyncio
from pathlib import Path

import pytest
from tests.audit.ledgers import OPERATOR, START_MS, WRITER, World
from tests.memory import signing
from tests.memory.signing import DAY_MS, STRANGER, identity

from scarcity import cli
from scarcity.audit.bundle import read_bundle, write_bundle
from scarcity.audit.chain import Fault, read_chain
from scarcity.audit.log import AuditLog
from scarcity.audit.senders import Senders, check_senders
from scarcity.client.outgoing import insight_record
from scarcity.enrolment.revoking import revocation_record, signed_revocation
from scarcity.events.insight import Insight
from scarcity.events.types import Outgoing
from scarcity.keys.files import public_pem
from scarcity.keys.record_signing import Identity, sign_record

KEYS = [signing.OPERATOR.public]
CLIENTS = tuple(f"client-{number}" for number in range(4))


def signed_by(who: Identity | None, insight: Insight) -> Outgoing:
    record = insight_record(insight, now_ms=START_MS)
    if who is None:
        return record
    assert insight.sequence is not None
    headers = sign_record(who, record.topic, record.key or b"", insight.sequence, record.value)
    return record._replace(headers=record.headers + headers)


class SignedWorld(World):
    """Every client signs, unless ``others`` names another identity, or None, for it."""

    def __init__(self) -> None:
        super().__init__(partitions=1, signing=WRITER)
        self.others: dict[str, Identity | None] = {}
        self.add_domain("retail")

    def told(self, client: str) -> Outgoing:
        own = identity(client, expires_at_ms=START_MS + DAY_MS)
        return signed_by(self.others.get(client, own), self.insight("retail", client))

    def rounds(self, count: int = 1) -> "SignedWorld":
        for _ in range(count):
            self.now_ms += 1_000
            for client in CLIENTS:
                self.append_insight(self.told(client))
            self._advance()
        return self

    def revoke(self, client: str, serial: int = 1) -> None:
        told = signed_revocation(
            client, "retail", serial, "left", key=signing.OPERATOR, now_ms=self.now_ms
        )
        self.append_insight(revocation_record(told))


def read(world: World) -> AuditLog:
    return asyncio.run(world.read())


def senders(log: AuditLog, *, required: bool = False) -> Senders:
    return check_senders(log, read_chain(log.ledger).links, KEYS, required=required)


def test_every_used_insight_is_proved_to_be_its_clients() -> None:
    world = SignedWorld().rounds(3)
    found = senders(read(world))
    assert (found.good, found.unsigned, found.findings) == (12, 0, [])
    assert len(found.clients) == 4
    assert list(found.issuers) == [signing.OPERATOR.public.key_id]


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (identity("client-0"), "forged"),
        (identity("client-1", operator=STRANGER), "forged"),
        (identity("client-1", domain="clinic"), "wrong-domain"),
        (identity("client-1", expires_at_ms=START_MS - 1), "expired"),
    ],
)
def test_an_insight_that_the_memory_should_have_refused_is_found(
    who: Identity, reason: str
) -> None:
    world = SignedWorld()
    world.others["client-1"] = who
    found = senders(read(world.rounds()))
    (finding,) = found.findings
    assert (finding.fault, finding.where, found.good) == (Fault.SENDER, "retail@1", 3)
    assert f"is {reason}: " in finding.text


def test_an_unsigned_insight_is_counted_and_a_finding_where_signatures_are_required() -> None:
    world = SignedWorld()
    world.others["client-1"] = None
    log = read(world.rounds())
    assert (senders(log).unsigned, senders(log).findings) == (1, [])
    (finding,) = senders(log, required=True).findings
    assert finding.text.endswith("unsigned: it is not signed")


def test_use_after_a_revocation_or_under_a_replaced_certificate_is_found() -> None:
    world = SignedWorld().rounds()
    world.revoke("client-0")
    newer = identity("client-1", serial=2, expires_at_ms=START_MS + DAY_MS)
    world.others["client-1"] = newer
    world.rounds()
    del world.others["client-1"]
    found = senders(read(world.rounds()))
    assert found.revocations == 1
    told = [(finding.where, finding.text.split(": ")[0].split()[-1]) for finding in found.findings]
    assert sorted(told) == [
        ("retail@2", "revoked"),
        ("retail@3", "revoked"),
        ("retail@3", "superseded"),
    ]


def test_a_bundle_of_used_insights_carries_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = SignedWorld().rounds()
    world.revoke("client-9")
    log = read(world.rounds())
    path = tmp_path / "bundle.zip"
    write_bundle(path, log, [], exported_at_ms=0)
    bundled, _ = read_bundle(path)
    assert not bundled.is_whole
    assert (senders(bundled).good, senders(bundled).revocations) == (8, 1)
    keys = tmp_path / "operators.pem"
    keys.write_bytes(public_pem(signing.OPERATOR.public) + public_pem(OPERATOR.public))
    words = ("audit", "verify", "--offline", str(path))
    assert cli.main([*words, "--operator-keys", str(keys), "--require-signed-insights"]) == 0
    told = capsys.readouterr().out
    assert "8 of 8 insights signed by 4 clients of operator key " in told
    assert "1 revocations heeded" in told
    assert cli.main([*words]) == 0
    assert "8 of 8 insights signed, not checked" in capsys.readouterr().out
    assert cli.main([*words, "--require-signed-insights"]) == 2
    assert "--operator-keys" in capsys.readouterr().err
