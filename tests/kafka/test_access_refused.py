"""Whoever shows the wrong thing, or nothing, is told so in one line; no command waits for ever."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from tests.kafka.secured import TOPICS_FILE, Secured

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.security import SecuritySettings
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.tls_files import issue, make_authority
from scarcity.cli import main
from scarcity.events.errors import BrokerError
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka
Shown = Mapping[str, str]


def strangers_authority(secured: Secured) -> str:
    """Directory of an authority that the broker does not know."""
    directory = secured.tls / "strangers"
    if not directory.exists():
        make_authority(directory)
        issue(directory, "client-a")
    return str(directory)


def wrong_password(secured: Secured) -> Shown:
    wrong = str(secured.password_file("memory"))
    return {**secured.environment("client-a"), "SCARCITY_SASL_PASSWORD_FILE": wrong}


def unknown_user(secured: Secured) -> Shown:
    return {**secured.environment("client-a"), "SCARCITY_SASL_USERNAME": "nobody"}


def no_tls(secured: Secured) -> Shown:
    return {"SCARCITY_BOOTSTRAP_SERVERS": secured.kafka.bootstrap_servers}


def password_without_tls(secured: Secured) -> Shown:
    shown = {**secured.environment("client-a"), "SCARCITY_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    del shown["SCARCITY_TLS_CA_FILE"]
    return shown


def no_user(secured: Secured) -> Shown:
    ours = secured.kafka.bootstrap_servers
    return {**no_certificate(secured), "SCARCITY_BOOTSTRAP_SERVERS": ours}


def no_certificate(secured: Secured) -> Shown:
    shown = dict(secured.certificate_environment("client-a"))
    del shown["SCARCITY_TLS_CERT_FILE"], shown["SCARCITY_TLS_KEY_FILE"]
    return shown


def unknown_authority_of_the_broker(secured: Secured) -> Shown:
    theirs = f"{strangers_authority(secured)}/ca.pem"
    return {**secured.environment("client-a"), "SCARCITY_TLS_CA_FILE": theirs}


def unknown_authority_of_the_client(secured: Secured) -> Shown:
    theirs = f"{strangers_authority(secured)}/client-a"
    return {
        **secured.certificate_environment("client-a"),
        "SCARCITY_TLS_CERT_FILE": f"{theirs}.pem",
        "SCARCITY_TLS_KEY_FILE": f"{theirs}.key",
    }


CASES: Mapping[Callable[[Secured], Shown], str] = {
    wrong_password: "SaslAuthenticationFailed",
    unknown_user: "check user and password",
    no_tls: "the port speaks TLS: set SCARCITY_SECURITY_PROTOCOL to SASL_SSL or SSL",
    password_without_tls: "the port speaks TLS",
    no_user: "it wants a user: set SCARCITY_SECURITY_PROTOCOL to SASL_SSL",
    no_certificate: "the broker wants a certificate of ours: set SCARCITY_TLS_CERT_FILE",
    unknown_authority_of_the_broker: "is not trusted: check SCARCITY_TLS_CA_FILE",
    unknown_authority_of_the_client: "the broker refuses our certificate",
}


@pytest.mark.parametrize("shown", CASES, ids=[case.__name__ for case in CASES])
def test_the_broker_refuses_and_a_command_says_so_in_one_line(
    secured: Secured,
    shown: Callable[[Secured], Shown],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in shown(secured).items():
        monkeypatch.setenv(name, value)
    # One command over aiokafka; one over confluent-kafka, which waits for five seconds.
    commands = [["domain", "list"], ["topics", "plan", "--file", str(TOPICS_FILE)]]
    for command in commands[: 2 if shown in (wrong_password, no_certificate) else 1]:
        assert main(command) == 1
        said = capsys.readouterr()
        assert said.err.count("\n") == 1, said.err
        assert CASES[shown] in said.err
        assert "secret" not in said.out + said.err


def test_a_reader_needs_no_right_to_write(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in secured.environment("monitor").items():
        monkeypatch.setenv(name, value)
    assert main(["domain", "list"]) == 0, capsys.readouterr().err


async def test_the_broker_refuses_a_certificate_that_expired(secured: Secured) -> None:
    # Our own settings would not even try (below), so the files are loaded past them.
    yesterday = datetime.now(UTC) - timedelta(days=1)
    path = issue(secured.tls, "client-expired", until=yesterday)
    context = ssl.create_default_context(cafile=str(secured.tls / "ca.pem"))
    context.load_cert_chain(path, path.with_suffix(".key"))
    settings = KafkaSettings(
        secured.kafka.tls_servers, security=SecuritySettings("SSL", context=context)
    )
    with pytest.raises(BrokerError, match="the broker refuses our certificate"):
        async with KafkaBroker(settings):
            pass


def test_a_service_ends_at_once_with_exit_code_1_and_tells_no_secret(secured: Secured) -> None:
    shown = {**wrong_password(secured), "SCARCITY_DEBUG": "1"}
    wrong = secured.process_environment("memory", **shown)
    command = [sys.executable, "-m", "scarcity.cli", "run", "memory"]
    ended = subprocess.run(
        command, env=wrong, capture_output=True, text=True, timeout=150, check=False
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("scarcity: scarcity-memory: ")
    assert "check user and password" in last
    assert "memory-secret" not in ended.stderr


async def test_a_client_cannot_write_to_another_domain_and_is_told_so(secured: Secured) -> None:
    async with KafkaBroker(secured.settings("client-b")) as broker:
        await broker.publish(Outgoing("insights.medical", b"client-b", b"{}"))
        with pytest.raises(BrokerError, match="does not exist, or this user may not see it"):
            await broker.publish(Outgoing("insights.economic", b"client-a", b"{}"))
        with pytest.raises(BrokerError, match=r"TopicAuthorizationFailed.*ACLs refuse this user"):
            await broker.publish(Outgoing("domains", b"medical", b"{}"))
        for unread in ("ledger", "insights.medical"):
            with pytest.raises(BrokerError, match=r"TopicAuthorizationFailed.*refuse this user"):
                await asyncio.wait_for(broker.read_all(unread), 60)
