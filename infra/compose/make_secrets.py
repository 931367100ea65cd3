"""Writes what infra/compose.secure.yaml mounts: certificates of brokers, a password a principal.

    python infra/compose/make_secrets.py [DIRECTORY]

What is there is kept. It is a stand-in for the authority and the vault of an operator: the key of
the authority (`tls/ca.key`) lies beside the rest. Only this directory's owner may enter it; the
files in it may be read by the user that a container runs as.
"""

import secrets
import sys
from pathlib import Path

import yaml

from scarcity.broker.tls_files import issue, make_authority
from scarcity.demo.panels import PANEL_NAMES

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
SERVICES = ("memory", "meta", "gossip", "monitor", "audit", "operator")
CLIENTS = {f"client-{domain}": domain for domain in PANEL_NAMES}
PASSWORD_BYTES = 24


def write_certificates(tls: Path, directory: Path) -> None:
    """An authority, a certificate a broker, and the administrator's."""
    if not (tls / "ca.pem").exists():
        make_authority(tls)
    for name in (*BROKERS, "admin"):
        hosts = () if name == "admin" else (name, "localhost", "127.0.0.1")
        if not (tls / f"{name}.pem").exists():
            issue(tls, name, hosts)
    for name in BROKERS:
        own = directory / name
        own.mkdir(exist_ok=True)
        keystore = (tls / f"{name}.key").read_bytes() + (tls / f"{name}.pem").read_bytes()
        (own / "keystore.pem").write_bytes(keystore)
        (own / "ca.pem").write_bytes((tls / "ca.pem").read_bytes())


def write_passwords(directory: Path) -> None:
    """One file a principal, of its name."""
    directory.mkdir(exist_ok=True)
    for name in (*SERVICES, *CLIENTS):
        if not (directory / name).exists():
            (directory / name).write_text(secrets.token_urlsafe(PASSWORD_BYTES) + "\n", "utf-8")


def main(directory: Path) -> None:
    """Write all files."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    write_certificates(directory / "tls", directory)
    write_passwords(directory / "passwords")
    principals = {n: {"role": "client", "domains": [d]} for n, d in CLIENTS.items()}
    (directory / "principals.yaml").write_text(yaml.safe_dump(principals), "utf-8")
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "secrets")
