"""Records that say themselves who wrote them: a certificate and a signature in their headers.

Signed are the topic, the key, a sequence and the value, so that a record cannot be moved to another
topic or key, changed, or given another number. Other headers (CloudEvents, traces) are not covered:
nothing is decided by them. The whole certificate travels with every record, so that any of them can
be judged by itself: after a restart, after compaction, in a replay from anywhere.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from scarcity.events.errors import Reason, SignatureError
from scarcity.events.types import Headers, Record
from scarcity.keys.certificate import Certificate, day, is_issued_by, issuer_of, read_certificate
from scarcity.keys.record_mac import MAC_HEADER, MacSecret, mac_of
from scarcity.keys.signing import PublicKey, SigningKey
from scarcity.keys.verifying import holds

CERTIFICATE_HEADER: Final = "sc_cert"
SIGNATURE_HEADER: Final = "sc_sig"
SEQUENCE_HEADER: Final = "sc_seq"
PURPOSE: Final = "record"
MAX_SEQUENCE: Final = 2**53
HASH_BYTES: Final = 32
KEPT_CERTIFICATES: Final = 1 << 18  # about 100 MB when full; a domain has one a client
_LENGTHS: Final = Struct(">HHQ")


@dataclass(frozen=True)
class Identity:
    """What a client signs with.

    Attributes:
        raw: the certificate's bytes, which go out with each record.
        mac_key: shared with the memory; empty: the memory checks signatures alone.
    """

    key: SigningKey
    certificate: Certificate
    raw: bytes
    mac_key: bytes = field(default=b"", repr=False)


class Attested(NamedTuple):
    """Who wrote a record, proved; ``sequence``: the number it was signed with."""

    certificate: Certificate
    sequence: int


def signed_message(topic: str, key: bytes, sequence: int, body: bytes) -> bytes:
    """What a record's signature is over: lengths, sequence, topic, key and the value's hash.

    The hash is BLAKE2b-256: Ed25519 alone would take SHA-512 of the whole value, twice as long.

    >>> signed_message("t", b"k", 1, b"v").hex()[:28]
    '000100010000000000000001746b'
    """
    name = topic.encode()
    digest = hashlib.blake2b(body, digest_size=HASH_BYTES).digest()
    return _LENGTHS.pack(len(name), len(key), sequence) + name + key + digest


def sign_record(
    identity: Identity,
    topic: str,
    key: bytes,
    sequence: int,
    body: bytes | None,
    *,
    for_memory: bool = False,
) -> Headers:
    """Headers that prove who wrote a record.

    Args:
        sequence: rises from record to record of a client and topic; 0 to 2**53.
        body: the value; None (a tombstone) signs like an empty one.
        for_memory: add the MAC, if a key for it is shared.
    """
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"sequence {sequence} must lie in [0, 2**53]")
    message = signed_message(topic, key, sequence, body or b"")
    headers = (
        (CERTIFICATE_HEADER, identity.raw),
        (SIGNATURE_HEADER, identity.key.sign(PURPOSE, message)),
        (SEQUENCE_HEADER, b"%d" % sequence),
    )
    if not (for_memory and identity.mac_key):
        return headers
    return (*headers, (MAC_HEADER, mac_of(identity.mac_key, message)))


class RecordVerifier:
    """Says who wrote a record, from the record and the operators' public keys alone.

    Holds a cache and no state: threads may share one, and each record is judged by itself.

    Args:
        operators: whose certificates hold.
        secret: of the memory: where a record has a MAC, that is checked, not the signature.
    """

    def __init__(self, operators: Iterable[PublicKey], secret: MacSecret | None = None) -> None:
        self._secret = secret
        self._operators = {issuer_of(key): key for key in operators}
        self._certificates: dict[bytes, Certificate] = {}

    def attest_record(self, record: Record, domain: str | None = None) -> Attested:
        """:meth:`attest`, of a record as it was read."""
        return self.attest(
            record.position.topic,
            record.key,
            record.value,
            record.headers,
            record.timestamp_ms,
            domain=domain,
        )

    def attest(
        self,
        topic: str,
        key: bytes | None,
        body: bytes | None,
        headers: Headers,
        at_ms: int,
        *,
        domain: str | None = None,
    ) -> Attested:
        """Who wrote this record.

        Args:
            at_ms: when the broker took it; the certificate must not have expired by then.
            domain: that the topic is of; None: the topic holds records of all domains.

        Raises:
            SignatureError: it does not say, or not truly; ``reason`` says which.
        """
        raw, signature, sequence, mac = _signed_headers(headers)
        certificate = self._certificates.get(raw)
        if certificate is None:
            certificate = self._admit(raw)
        if domain is not None and certificate.domain != domain:
            raise SignatureError(
                Reason.WRONG_DOMAIN,
                f"the certificate is for domain {certificate.domain!r}, the topic is {topic}",
            )
        if key is None or certificate.client_id.encode() != key:
            raise SignatureError(
                Reason.FORGED,
                f"the certificate is of client {certificate.client_id!r}, the key is {key!r}",
            )
        if at_ms > certificate.expires_at_ms:
            raise SignatureError(
                Reason.EXPIRED,
                f"the certificate (serial {certificate.serial}) expired at "
                f"{day(certificate.expires_at_ms)}, the record came at {day(at_ms)}; "
                "`scarcity join --renew` before that, else `scarcity enrol` anew",
            )
        message = signed_message(topic, key, sequence, body or b"")
        if self._secret is not None and mac is not None:
            what, good = "MAC", self._secret.holds(certificate.public_key, mac, message)
        else:
            what, good = "signature", holds(certificate.public_key, signature, PURPOSE, message)
        if not good:
            raise SignatureError(
                Reason.FORGED,
                f"the {what} is not that of {certificate.client_id!r} over this topic, key, "
                f"sequence {sequence} and value",
            )
        return Attested(certificate, sequence)

    def _admit(self, raw: bytes) -> Certificate:
        certificate = read_certificate(raw)
        operator = self._operators.get(certificate.issuer)
        if operator is None:
            raise SignatureError(
                Reason.FORGED,
                f"the certificate is signed by key {certificate.issuer.hex()}, which is not among "
                "the operators'",
            )
        if not is_issued_by(raw, operator):
            raise SignatureError(Reason.FORGED, "the operator's signature on the certificate fails")
        if len(self._certificates) >= KEPT_CERTIFICATES:
            self._certificates.clear()
        self._certificates[raw] = certificate
        return certificate


def is_signed(headers: Headers) -> bool:
    """Whether a record claims to be signed."""
    return any(name in (CERTIFICATE_HEADER, SIGNATURE_HEADER) for name, _ in headers)


def _signed_headers(headers: Headers) -> tuple[bytes, bytes, int, bytes | None]:
    told = dict(headers)
    raw, signature = told.get(CERTIFICATE_HEADER), told.get(SIGNATURE_HEADER)
    if raw is None and signature is None:
        raise SignatureError(
            Reason.UNSIGNED,
            "the record is not signed, and only signed ones count here: run the client with "
            "--identity DIR (docs/enrolment.md)",
        )
    digits = told.get(SEQUENCE_HEADER) or b""
    if not raw or not signature or not digits.isdigit() or len(digits) > 16:
        raise SignatureError(
            Reason.FORGED,
            f"want the headers {CERTIFICATE_HEADER}, {SIGNATURE_HEADER} and {SEQUENCE_HEADER}; one "
            "is missing or malformed",
        )
    return raw, signature, int(digits), told.get(MAC_HEADER)
