"""What the memory must not forget of a client that it holds no insight of."""

import msgspec

from scarcity.events.client_memory import Source
from scarcity.events.codec import SCHEMA_VERSION


class Credential(msgspec.Struct, frozen=True):
    """Topic `credentials`, key `<domain>/<client_id>`, JSON, compacted.

    Written when a client's record leaves `global-memory` (it was revoked, or the memory is full),
    deleted when the client is there again. Without it an old signed insight could be sent again
    once its client was forgotten. Lies in the partition that its source's has the number of.

    Attributes:
        serial: of the newest certificate that the client has used; 0: none yet.
        sequence: of its last accepted insight; None: there is none.
        revoked: certificates up to this serial are taken back; 0: none.
        reason: of the revocation, the operator's words.
        source: of the last insight, or of the revocation.
        at_ms: record timestamp of what it stems from.
    """

    domain: str
    client_id: str
    serial: int
    sequence: int | None
    revoked: int
    reason: str
    source: Source
    at_ms: int
    schema_version: str = SCHEMA_VERSION
