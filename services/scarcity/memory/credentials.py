"""What one partition remembers of signing clients that it holds no insight of.

As many as operators have certified: an unsigned name leaves nothing here.
"""

from typing import Final

import msgspec

from scarcity.events.client_memory import Source, memory_key
from scarcity.events.codec import encode_json
from scarcity.events.credential import Credential
from scarcity.events.errors import Reason, SignatureError
from scarcity.events.headers import event_headers
from scarcity.events.revocation import Revocation
from scarcity.events.topics import CREDENTIALS
from scarcity.events.types import Headers, Outgoing, Record
from scarcity.memory.folded_client import FoldedClient

_decoder: Final = msgspec.json.Decoder(Credential)


class Credentials:
    """Credentials by record key, and which of them changed since they were last published."""

    def __init__(self, domain: str, partition: int, source: str) -> None:
        """``source``: of the events' headers."""
        self._domain = domain
        self._partition = partition
        self._source = source
        self._held: dict[bytes, Credential] = {}
        self._changed: dict[bytes, int] = {}  # record time of the change, by key

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: bytes) -> Credential | None:
        """What is remembered of a client."""
        return self._held.get(key)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of `credentials` before the first fold.

        Raises:
            msgspec.DecodeError: it is none.
        """
        self._held.pop(key, None)
        if value is not None:
            self._held[key] = _decoder.decode(value)

    def remember(self, key: bytes, client: FoldedClient) -> None:
        """A client leaves because the memory is full; nothing is kept of one that never signed."""
        if client.serial:
            self._put(key, _left(client))

    def revoke(
        self, key: bytes, told: Revocation, record: Record, client: FoldedClient | None
    ) -> None:
        """Note a revocation; ``client``: as it is held."""
        before = self._held.get(key) if client is None else _left(client)
        serial, sequence, revoked = 0, None, 0
        if before is not None:
            serial, sequence, revoked = before.serial, before.sequence, before.revoked
        if told.serial > revoked:  # an older one, or the same once more, changes nothing
            credential = Credential(
                self._domain,
                told.client_id,
                serial,
                sequence,
                told.serial,
                told.reason,
                Source(*record.position),
                record.timestamp_ms,
            )
            self._put(key, credential)

    def drop(self, key: bytes, at_ms: int) -> None:
        """A client is held again: its own record says all."""
        if self._held.pop(key, None) is not None:
            self._changed[key] = at_ms

    def take_changed(self) -> list[Outgoing]:
        """Records of what changed, once; a tombstone for a client that is held again."""
        changed, self._changed = self._changed, {}
        return [self._outgoing(key, at_ms) for key, at_ms in changed.items()]

    def _put(self, key: bytes, credential: Credential) -> None:
        self._held[key] = credential
        self._changed[key] = credential.at_ms

    def _outgoing(self, key: bytes, at_ms: int) -> Outgoing:
        held = self._held.get(key)
        value = None if held is None else encode_json(held)
        name = memory_key(self._domain, key.decode())
        return Outgoing(CREDENTIALS, name, value, self._headers(held, at_ms), self._partition)

    def _headers(self, held: Credential | None, at_ms: int) -> Headers:
        event_id = "back" if held is None else f"{held.source.offset}-{held.revoked}"
        return event_headers("Credential", source=self._source, event_id=event_id, at_ms=at_ms)


def _left(client: FoldedClient) -> Credential:
    return Credential(
        client.domain,
        client.client_id,
        client.serial,
        client.latest_sequence(),
        0,
        "",
        client.source,
        client.last_seen_ms,
    )


def refuse_replay(sequence: int | None, last_sequence: int | None) -> SignatureError:
    """Why a signed insight with an old number is parked.

    A sender that is not sure whether its last insight arrived sends it once more, so the latest one
    again, byte for byte, is a duplicate. An older one comes from somebody else.
    """
    return SignatureError(
        Reason.REPLAYED,
        f"signed as number {sequence}, and the client has come to {last_sequence}: somebody sent "
        "an old insight again, or two processes run under one name",
    )
