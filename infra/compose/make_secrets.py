"""Writes what infra/compose.secure.yaml mounts: certificates of brokers, a password a principal, an
identity a client, the monitor's token.

    python infra/compose/make_secrets.py [DIRECTORY]

Run make_data.py first: its CSV name the clients. What is there is kept. It is a stand-in for the
authority, the enrolment and the vault of an operator: his keys (`tls/ca.key`, `office`) lie beside
the rest. Only this directory's owner may enter it; the files in it may be read by the user that a
container runs as.
"""

import secrets
import sys
import time
from pathlib import Path

import yaml

from scarcity.broker.tls_files import issue, make_authority
from scarcity.client.table import read_clients
from scarcity.demo.domains import demo_profile
from scarcity.demo.panels import PANEL_NAMES
from scarcity.enrolment import office
from scarcity.enrolment.joining import install, join
from scarcity.enrolment.office import Office, Terms, open_office
from scarcity.keys.exchange_key import read_or_make_exchange_key
from scarcity.keys.identity import CERTIFICATE_FILE, certificate_text, identity_directory

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
SERVICES = ("memory", "meta", "gossip", "monitor", "audit", "operator")
CLIENTS = {f"client-{domain}": domain for domain in PANEL_NAMES}
PASSWORD_BYTES = 24
HERE = Path(__file__).parent
DATA = HERE / "data"
PROMETHEUS = HERE.parent / "prometheus" / "prometheus.yml"


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
        _draw_once(directory / name)


def _draw_once(path: Path) -> None:
    if not path.exists():
        path.write_text(secrets.token_urlsafe(PASSWORD_BYTES) + "\n", "utf-8")


def write_identities(directory: Path) -> None:
    """An operator's office, and of each client of the CSV a key and a certificate by it."""
    kept = directory / "office"
    signs = Office(kept) if (kept / office.REGISTER_FILE).exists() else open_office(kept)
    for domain in PANEL_NAMES:
        rows = DATA / f"{domain}.csv"
        for client in read_clients(rows, demo_profile(domain), entity="entity"):
            own = identity_directory(directory / "identities" / domain, client)
            if not (own / CERTIFICATE_FILE).exists():
                _enrol(signs, client, domain, own)


def _enrol(signs: Office, client: str, domain: str, own: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    token = signs.invite(client, domain, Terms(), token_days=1, now_ms=now_ms)
    request = join(own, token)
    signed = own / "signed"
    signed.write_text(certificate_text(signs.sign(request.read_text("utf-8"), now_ms=now_ms)))
    install(own, signed)
    signed.unlink()
    read_or_make_exchange_key(own)  # the container cannot write one


def write_monitor_token(directory: Path) -> None:
    """The token of the monitor's pages, and the configuration of the Prometheus that shows it."""
    _draw_once(directory / "monitor-token")
    config = yaml.safe_load(PROMETHEUS.read_text("utf-8"))
    shown = {"type": "Bearer", "credentials_file": "/run/secrets/monitor-token"}
    for job in config["scrape_configs"]:
        if job["job_name"] == "scarcity-monitor":
            job["authorization"] = shown
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")


def main(directory: Path) -> None:
    """Write all files."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    write_certificates(directory / "tls", directory)
    write_passwords(directory / "passwords")
    write_identities(directory)
    write_monitor_token(directory)
    principals = {n: {"role": "client", "domains": [d]} for n, d in CLIENTS.items()}
    (directory / "principals.yaml").write_text(yaml.safe_dump(principals), "utf-8")
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "secrets")
