"""Certificates for connections: who they are for, and that keys stay private."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scarcity.broker.tls_files import issue, make_authority
from scarcity.cli import main
from scarcity.events.errors import InputError


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_brokers_certificate_has_its_names_and_a_clients_may_serve_nobody(tmp_path: Path) -> None:
    make_authority(tmp_path)
    broker = load(issue(tmp_path, "kafka-1", ["kafka-1.example", "10.0.0.1"]))
    client = load(issue(tmp_path, "bank-a"))
    names = broker.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kafka-1.example"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    usage = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert client.subject.rfc4514_string() == "CN=bank-a"
    for certificate in (broker, client):
        certificate.verify_directly_issued_by(load(tmp_path / "ca.pem"))


def test_keys_are_readable_by_their_owner_alone_and_never_replaced(tmp_path: Path) -> None:
    assert main(["tls", "init", str(tmp_path / "new")]) == 0
    assert main(["tls", "issue", str(tmp_path / "new"), "bank-a", "--days", "30"]) == 0
    for name in ("ca.key", "bank-a.key"):
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
    assert main(["tls", "issue", str(tmp_path / "new"), "bank-a"]) == 2
    assert main(["tls", "init", str(tmp_path / "new")]) == 2


@pytest.mark.parametrize("name", ["ca", "", "User:a", "a b", "a,CN=admin", "../a"])
def test_a_name_that_could_be_taken_for_another_is_refused(tmp_path: Path, name: str) -> None:
    make_authority(tmp_path)
    with pytest.raises(InputError):
        issue(tmp_path, name)


def test_without_an_authority_there_is_advice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`scarcity tls init` makes one"):
        issue(tmp_path, "bank-a")
