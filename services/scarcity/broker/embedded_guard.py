"""The embedded broker with TLS on every listener, and with KRaft's authorizer."""

import os
from pathlib import Path
from typing import Final

from scarcity.broker.security import MECHANISMS
from scarcity.broker.tls_files import issue, make_authority

BROKER: Final = "broker"
ADMIN: Final = "admin"
HOSTS: Final = ("127.0.0.1", "localhost")
# A certificate's CN is its principal: `User:bank-a`, as for a user with a password.
PRINCIPAL_RULES: Final = "RULE:^CN=([^,]+).*$/$1/,DEFAULT"
SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class Guard:
    """A directory of certificates, and what Kafka is told of it.

    What is not there yet is made: an authority, the broker's certificate, and the administrator's.

    Args:
        directory: absolute.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def properties(self, port: int, tls_port: int, controller_port: int) -> dict[str, str]:
        """Kafka's settings: `port` for users with a password, ``tls_port`` for certificates.

        Broker and controller know each other by the broker's certificate.

        Raises:
            InputError: the directory cannot be written, or lacks its authority.
        """
        self._make_files()
        at = "127.0.0.1"
        return {
            "listeners": f"USERS://{at}:{port},CERTIFICATES://{at}:{tls_port},"
            f"CONTROLLER://{at}:{controller_port}",
            "advertised.listeners": f"USERS://{at}:{port},CERTIFICATES://{at}:{tls_port}",
            "listener.security.protocol.map": "USERS:SASL_SSL,CERTIFICATES:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "CERTIFICATES",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            **{f"listener.name.users.{m.lower()}.sasl.jaas.config": SCRAM for m in MECHANISMS},
            "listener.name.certificates.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": PRINCIPAL_RULES,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.directory / "broker.keystore.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.directory / "ca.pem"),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{BROKER};User:{ADMIN}",
            "allow.everyone.if.no.acl.found": "false",
        }

    def _make_files(self) -> None:
        here = self.directory
        if not (here / "ca.pem").exists():
            make_authority(here)
        for name, hosts in ((BROKER, HOSTS), (ADMIN, ())):
            if not (here / f"{name}.pem").exists():
                issue(here, name, hosts)
        keystore = here / "broker.keystore.pem"
        handle = os.open(keystore, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write((here / "broker.key").read_bytes() + (here / "broker.pem").read_bytes())
