"""What the meta-learner announces of a round of secure sums: who is in it, and what comes next."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION

Stage = Literal["call", "share", "mask", "reveal", "closed"]


class SecureRound(msgspec.Struct, omit_defaults=True):
    """Topic `secagg-rounds`, key domain, msgpack, compacted.

    Attributes:
        round: its number; rises from round to round of a domain.
        version: of the meta-parameters that members start from.
        stage: `call`: whoever wants to take part sends its keys. `share`: members send each other
            their shares. `mask`: members send their masked terms. `reveal`: members open the sum.
            `closed`: the round is over; ``reason`` says why.
        clients: sorted. `share`: members. `mask`: those that have shared. `reveal`: those whose
            masked terms are there, which the sum is of.
        mask_keys, share_keys: X25519 public keys of ``clients``, 32 bytes each; `share` only.
        threshold: shares that open a mask; from `share` on.
        reason: for people.
    """

    domain: str
    round: int
    version: int
    stage: Stage
    clients: list[str] = []
    mask_keys: list[bytes] = []
    share_keys: list[bytes] = []
    threshold: int = 0
    reason: str = ""
    schema_version: str = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.clients != sorted(set(self.clients)):
            raise ValueError("clients must be sorted and named once")
        expected = len(self.clients) if self.stage == "share" else 0
        if len(self.mask_keys) != expected or len(self.share_keys) != expected:
            raise ValueError(f"stage {self.stage} needs {expected} keys of each kind")
