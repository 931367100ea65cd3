"""A broker that trusts no one: TLS on every port, users with passwords and rights, certificates.

Users: one a service, `client-a` (economic), `client-b` (medical) and `evaluator-a` (economic). Each
has a password, and certificates are issued on demand.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from scarcity.broker.access_admin import AccessAdmin
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.tls_files import issue
from scarcity.cli import main

TOPICS_FILE: Final = Path(__file__).parents[2] / "topics.yaml"
PRINCIPALS: Final = """\
client-a: {role: client, domains: [economic]}
client-b: {role: client, domains: [medical]}
evaluator-a: {role: evaluator, domains: [economic]}
"""
SERVICES: Final = ("memory", "meta", "gossip", "monitor", "audit", "operator")
USERS: Final = (*SERVICES, "client-a", "client-b", "evaluator-a")


class Secured:
    """The broker and what its users need."""

    def __init__(self, directory: Path) -> None:
        self.tls = directory / "tls"
        self.principals = directory / "principals.yaml"
        self.principals.write_text(PRINCIPALS)
        self.kafka = EmbeddedKafka(0, directory / "kafka", 256, secure=self.tls)

    def open(self) -> None:
        """Start it, and give everyone a password and rights."""
        self.kafka.start()
        admin = AccessAdmin(self.by_certificate("admin"))
        for name in USERS:
            self.password_file(name).write_text(f"{name}-secret\n")
            admin.set_password(name, f"{name}-secret")
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
            assert self.topics(patch, "apply") == 0

    def topics(self, patch: pytest.MonkeyPatch, verb: str, *more: str) -> int:
        """Run `scarcity topics VERB --acls` as the administrator."""
        for name, value in self.certificate_environment("admin").items():
            patch.setenv(name, value)
        file, who = ("--file", str(TOPICS_FILE)), ("--principals", str(self.principals))
        return main(["topics", verb, "--acls", *file, *who, *more])

    def password_file(self, name: str) -> Path:
        return self.tls / f"{name}.password"

    def environment(self, name: str) -> dict[str, str]:
        """What a process is told that logs in with a password."""
        return {
            "SCARCITY_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "SCARCITY_SECURITY_PROTOCOL": "SASL_SSL",
            "SCARCITY_SASL_USERNAME": name,
            "SCARCITY_SASL_PASSWORD_FILE": str(self.password_file(name)),
            "SCARCITY_TLS_CA_FILE": str(self.tls / "ca.pem"),
        }

    def certificate_environment(self, name: str) -> dict[str, str]:
        """What a process is told that shows a certificate, issued now if there is none."""
        if not (self.tls / f"{name}.pem").exists():
            issue(self.tls, name)
        return {
            "SCARCITY_BOOTSTRAP_SERVERS": self.kafka.tls_servers,
            "SCARCITY_SECURITY_PROTOCOL": "SSL",
            "SCARCITY_TLS_CA_FILE": str(self.tls / "ca.pem"),
            "SCARCITY_TLS_CERT_FILE": str(self.tls / f"{name}.pem"),
            "SCARCITY_TLS_KEY_FILE": str(self.tls / f"{name}.key"),
        }

    def settings(self, name: str) -> KafkaSettings:
        return KafkaSettings.from_environment(self.environment(name))

    def by_certificate(self, name: str) -> KafkaSettings:
        return KafkaSettings.from_environment(self.certificate_environment(name))

    def process_environment(self, name: str, **more: str) -> dict[str, str]:
        """For subprocesses: this process' own environment, and a user's password."""
        return {**os.environ, "OMP_NUM_THREADS": "1", **self.environment(name), **more}


@contextmanager
def secured_broker(directory: Path) -> Iterator[Secured]:
    """Started, with topics, users and rights; stopped at the end."""
    secured = Secured(directory)
    try:
        secured.open()
        yield secured
    finally:
        secured.kafka.stop()
