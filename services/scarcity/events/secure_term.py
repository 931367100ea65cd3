"""What the server hears of a member: its masked term, then shares that open the sum."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload


class SecureTerm(msgspec.Struct, omit_defaults=True):
    """Topic `secagg-terms.<domain>`, key client_id, msgpack.

    Attributes:
        stage: `masked`: the member's term, masked. `revealed`: shares that it holds of others.
        masked: int64 [d], modulo 2**64; learning/sum_layout.py says what it is a sum of.
        mask_key: the member's public key for masks, again: an audit needs no other topic.
        seed_shares: of members whose masked terms are in the sum: shares of the seed of their own
            mask, by member; 33 bytes each.
        key_shares: of members that shared and then went: shares of their secret mask key. No member
            is in both.
    """

    client_id: str
    domain: str
    round: int
    stage: Literal["masked", "revealed"]
    masked: TensorPayload | None = None
    mask_key: bytes = b""
    seed_shares: dict[str, bytes] = {}
    key_shares: dict[str, bytes] = {}
    schema_version: str = SCHEMA_VERSION

    def __post_init__(self) -> None:
        is_vector = self.masked is not None and (
            self.masked.dtype == "int64" and len(self.masked.shape) == 1
        )
        if (self.stage == "masked") != is_vector:
            raise ValueError("stage masked needs an int64 vector, stage revealed has none")
        both = self.seed_shares.keys() & self.key_shares.keys()
        if both:
            raise ValueError(f"shares of both kinds of {min(both)!r}")
