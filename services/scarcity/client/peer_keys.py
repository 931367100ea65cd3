"""The keys of a domain's clients, as they registered them in the topic `clients`. Pure.

Where the operators' public keys are known, a registration counts when the client signed it
(scarcity/keys/record_signing.py). Otherwise it counts as the broker shows it.
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec

from scarcity.client.refusals import RefusedError
from scarcity.events.codec import SCHEMA_VERSION, decode_json
from scarcity.events.gossip_weights import Refusal
from scarcity.events.types import Record
from scarcity.keys.exchange_key import EXCHANGE_KEY_BYTES, is_usable
from scarcity.keys.gossip_keys import GossipKeys, PublicGossipKeys
from scarcity.keys.record_signing import RecordVerifier


class _Registration(msgspec.Struct):
    """The part of a ClientRegistered that says something of keys."""

    client_id: str
    domain: str
    registered_at_ms: int
    public_key: str = ""
    signing_key: str = ""
    schema_version: str = SCHEMA_VERSION


class PeerKeys:
    """Public keys by client.

    Args:
        own: keys of the clients of this process; what the topic says of these is only watched.
        verifier: by the operators' keys; None: registrations are taken as they are.
    """

    def __init__(
        self, domain: str, own: Mapping[str, GossipKeys], verifier: RecordVerifier | None = None
    ) -> None:
        self._domain = domain
        self._own = own
        self._verifier = verifier
        self._known: dict[str, PublicGossipKeys] = {}
        self._registered_ms: dict[str, int] = {}
        self._seen_own: set[str] = set()

    @property
    def is_verified(self) -> bool:
        """Whether registrations must be signed."""
        return self._verifier is not None

    def of(self, client: str) -> PublicGossipKeys | None:
        """The keys of a client; None: it has none, or is not registered."""
        own = self._own.get(client)
        return self._known.get(client) if own is None else own.public

    def apply(self, record: Record) -> None:
        """Take one record of `clients` in.

        Raises:
            EventError: it breaks its contract or is not signed as it must be; nothing changed.
            RefusedError: another process registered the name of a client of this one.
        """
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            if self._registered_ms.get(key) is not None:
                self._attest(record)
                self._known.pop(key, None)
                del self._registered_ms[key]
            return
        told = decode_json(record.value, _Registration)
        if told.domain != self._domain or told.client_id != key:
            return
        # Clients never register with an earlier time than before: this one was sent again.
        if told.registered_at_ms < self._registered_ms.get(key, 0):
            return
        keys = _keys_of(told)
        if key in self._own:
            self._watch(key, keys)
        elif keys != self._known.get(key) or self._verifier is not None:
            self._attest(record)
            self._put(key, keys)
        self._registered_ms[key] = told.registered_at_ms

    def _put(self, client: str, keys: PublicGossipKeys | None) -> None:
        if keys is None:
            self._known.pop(client, None)
        elif keys != self._known.get(client):
            if not is_usable(keys.exchange):
                raise RefusedError(Refusal.MALFORMED, "its public key cannot be sealed for")
            self._known[client] = keys

    def _watch(self, client: str, keys: PublicGossipKeys | None) -> None:
        if keys == self._own[client].public:
            self._seen_own.add(client)
        elif client in self._seen_own:
            raise RefusedError(
                Refusal.IMPOSTOR,
                "is registered anew with keys that are not this process's: peers now seal for "
                "those. Another process runs under its name, or somebody registered in its name",
            )

    def _attest(self, record: Record) -> None:
        if self._verifier is not None:
            self._verifier.attest_record(record, self._domain)


def public_texts(keys: PublicGossipKeys) -> tuple[str, str]:
    """`public_key` and `signing_key` of a ClientRegistered."""
    exchange, signing = (base64.b64encode(key).decode() for key in keys)
    return exchange, signing


def _keys_of(told: _Registration) -> PublicGossipKeys | None:
    if not told.public_key and not told.signing_key:
        return None
    try:
        keys = PublicGossipKeys(
            base64.b64decode(told.public_key, validate=True),
            base64.b64decode(told.signing_key, validate=True),
        )
    except (binascii.Error, ValueError):
        keys = PublicGossipKeys(b"", b"")
    if {len(key) for key in keys} != {EXCHANGE_KEY_BYTES}:
        raise RefusedError(Refusal.MALFORMED, "registered keys that are not 32 bytes in base64")
    return keys
