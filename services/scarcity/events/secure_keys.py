"""What members of a round tell each other: keys, then sealed shares."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION


class SecureKeys(msgspec.Struct, omit_defaults=True):
    """Topic `secagg-keys.<domain>`, key client_id, msgpack.

    Attributes:
        stage: `keys`: the two public keys. `shares`: a sealed pair of shares for each other member.
        mask_key: X25519; pairs of members agree on their common mask with it. 32 bytes.
        share_key: X25519; shares are sealed with what pairs of members agree on. 32 bytes.
        sealed: by recipient; ChaCha20-Poly1305 of its shares of the sender's mask key and of the
            seed of the sender's own mask.
    """

    client_id: str
    domain: str
    round: int
    stage: Literal["keys", "shares"]
    mask_key: bytes = b""
    share_key: bytes = b""
    sealed: dict[str, bytes] = {}
    schema_version: str = SCHEMA_VERSION
