"""An operator takes a client's certificates back."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION, canonical_json


class Revocation(msgspec.Struct, omit_defaults=True):
    """Topic `insights.<domain>`, key client_id, JSON, between the client's insights.

    It lies in the log that it stops, so it takes effect at its offset, for every reader and replay
    alike: what the client said before counts, what comes after does not.

    Attributes:
        serial: certificates up to this serial are taken back; one with a higher serial holds.
        revoked_at_ms: unix time of the operator; shown.
        key_id, signature: of the operator, over :meth:`signed_bytes`; hex.
    """

    client_id: str
    domain: str
    serial: int
    revoked_at_ms: int
    reason: str = ""
    key_id: str = ""
    signature: str = ""
    schema_version: str = SCHEMA_VERSION

    def signed_bytes(self) -> bytes:
        """What the operator signs: all but the signature."""
        return canonical_json(msgspec.structs.replace(self, signature=""))
