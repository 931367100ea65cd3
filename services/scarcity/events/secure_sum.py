"""Secure sums of a domain: what its profile asks for, and what a version's entry tells of its sum.

The protocol is in secagg/; who may see what: docs/decisions/0014-secure-sums.md.
"""

from math import floor, isfinite
from typing import Final

import msgspec

LEAST_MEMBERS: Final = 3  # of a sum of two, each of both knows the other's part
MOST_MEMBERS: Final = 1000


class SumRules(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a domain sums.

    Attributes:
        threshold: share of a round's members that must stay to its end; as many, and no fewer, can
            open a mask. Above one half: or two halves of the members could be told two stories.
        most_members: a round takes no more; who comes in is drawn by lot.
        loss_clip: a loss counts at most this much; target standardised. Each member cuts its own.
    """

    threshold: float = 2 / 3
    most_members: int = 100
    loss_clip: float = 4.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.threshold < 1:
            raise ValueError(f"secagg.threshold {self.threshold} must lie in [0.5, 1)")
        if not LEAST_MEMBERS <= self.most_members <= MOST_MEMBERS:
            raise ValueError(
                f"secagg.most_members {self.most_members} must lie in [{LEAST_MEMBERS}, "
                f"{MOST_MEMBERS}]"
            )
        if not (isfinite(self.loss_clip) and 0 < self.loss_clip <= 1e6):
            raise ValueError(f"secagg.loss_clip {self.loss_clip} must lie in (0, 1e6]")

    def threshold_of(self, members: int) -> int:
        """How many of so many members must stay; above their share, so above one half.

        >>> [SumRules().threshold_of(n) for n in (3, 4, 10, 100)]
        [3, 3, 7, 67]
        """
        # 2 / 3 * 3 may come out a little below 2.
        return floor(members * self.threshold + 1e-9) + 1


class SecureSum(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version's ledger entry says of its sum; with the messages that it names, all of it.

    Attributes:
        round: number of the round; 0 with version 0, which sums nothing.
        threshold: shares that open a mask.
        members: that exchanged keys, sorted: their places number the shares, from 1.
        absent: of these, who went before sharing; nobody's mask is agreed with them.
        experts, slope_clip, loss_clip: of the profile that the version was made under.
    """

    round: int = 0
    threshold: int = 0
    members: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    experts: tuple[int, ...] = ()
    slope_clip: float = 0.0
    loss_clip: float = 0.0
