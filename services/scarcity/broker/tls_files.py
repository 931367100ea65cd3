"""Certificates for the broker's TLS, where an operator has no authority of another kind.

A directory: `ca.pem` and `ca.key` of the authority, `NAME.pem` and `NAME.key` of each name issued.
A name is the certificate's CN, and Kafka's principal is made of it. This is about connections; what
clients sign records with is `scarcity enrol`'s business.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scarcity.events.errors import InputError

AUTHORITY: Final = "ca"
AUTHORITY_DAYS: Final = 3650
DAYS: Final = 365
_EARLIER: Final = timedelta(minutes=5)  # the other machine's clock may be behind
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_principal(name: str) -> str:
    """Return ``name`` when it may be a principal's, i.e. a user or the CN of a certificate.

    Raises:
        InputError: it may not.

    >>> check_principal("bank-a")
    'bank-a'
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"{name!r} is no name of a principal: letters, digits, dots, hyphens, underscores"
        )
    return name


def make_authority(directory: Path) -> None:
    """Make `ca.pem` and `ca.key`; the directory too.

    Raises:
        InputError: they are there already, or cannot be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("scarcity broker authority")
    certificate = (
        _builder(name, name, key.public_key(), timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False, certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(directory, AUTHORITY, certificate, key)


def issue(
    directory: Path,
    name: str,
    hosts: Sequence[str] = (),
    *,
    valid: timedelta = timedelta(days=DAYS),
    until: datetime | None = None,
) -> Path:
    """Make `NAME.pem` and `NAME.key` under the directory's authority; returns the certificate.

    Args:
        hosts: names and addresses under which clients reach it, for a broker; none: a client's.
        until: end of validity, in place of ``valid`` from now on.

    Raises:
        InputError: no authority there, no name of a principal, or the files are there already.
    """
    if check_principal(name) == AUTHORITY:
        raise InputError(f"{AUTHORITY!r} is the authority's own name: choose another")
    authority, authority_key = _read_authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(
        _subject(name), authority.subject, key.public_key(), valid, until
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if hosts:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)  # brokers are clients of each other, too
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    certificate = (
        builder.add_extension(_usage(sign=True, certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _write(directory, name, certificate, key)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    valid: timedelta,
    until: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = until or now + valid
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - _EARLIER)
        .not_valid_after(end)
    )


def _usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _read_authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    except OSError as error:
        raise InputError(
            f"{directory} holds no authority ({error.strerror}): `scarcity tls init` makes one"
        ) from None
    except ValueError:
        raise InputError(f"{directory}: ca.pem and ca.key are not PEM as written here") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InputError(f"{directory}: ca.key is not an elliptic curve key as written here")
    return certificate, key


def _write(
    directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Path:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / f"{name}.pem"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(private)
        path.write_bytes(certificate.public_bytes(pem))
    except FileExistsError:
        raise InputError(f"{directory / name}.key is there already: it is not replaced") from None
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror}") from None
    return path
