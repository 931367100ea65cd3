"""What one member of a secure sum adds: a vector of integers, and what their sum says.

The server sees the sum only, so everything that it needs must be a sum: all 129 entries of an
expert's slopes, in the version's own basis. Eight directions a client, as elsewhere, would leave
blocks that one client alone reports: its slopes, and no sum.

    slopes of each expert [E, 129] | losses [E] | clients with a loss [E] | votes 2 | rows 1

Losses, cut by the member itself, and slopes are in units of 2**-24. Votes are twice "the last step
made me worse" (1: no change) and "I have an opinion": learning/gate.py, each member for itself.
"""

from dataclasses import dataclass
from math import floor

import numpy as np
import numpy.typing as npt

from scarcity.events.types import EXPERT_COUNT, SLOPE_SCALE
from scarcity.learning.directions import DIRECTION_COUNT
from scarcity.learning.gate import relative_change
from scarcity.learning.settings import LOSS_SCALE

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIDTH = DIRECTION_COUNT + 1
_SHAPES = ((EXPERT_COUNT, WIDTH), (EXPERT_COUNT,), (EXPERT_COUNT,))


class SumError(ValueError):
    """A sum that no members who keep to the rules can have made."""


@dataclass(frozen=True)
class Summed:
    """A round's sum, taken apart.

    Attributes:
        clients: whose terms are in it.
        slopes: int64 [10, 129], units of 2**-24; 0 for experts that nobody runs.
        losses: int64 [10], units of 2**-24; cut by the members.
        heard: clients behind each loss; int64 [10].
        half_votes, voters: of the gate.
        rows: query rows behind the losses.
    """

    clients: int
    slopes: Ints
    losses: Ints
    heard: Ints
    half_votes: int
    voters: int
    rows: int


@dataclass(frozen=True)
class SumLayout:
    """Places of the figures in a term.

    Attributes:
        experts: numbers of those that the domain's clients run.
        slope_clip: bound C of the norm of an expert's slopes.
        loss_clip: a loss counts at most this much.
    """

    experts: tuple[int, ...]
    slope_clip: float
    loss_clip: float

    @property
    def dimension(self) -> int:
        """Length of a term.

        >>> SumLayout(tuple(range(10)), 5.0, 4.0).dimension
        1313
        """
        return len(self.experts) * (WIDTH + 2) + 3

    def term(self, losses: Array, previous: Array | None, slopes: Ints, rows: int) -> Ints:
        """What a member adds; int64 [dimension].

        Args:
            losses: of the domain's experts; float64 [E].
            previous: under the version before, same split; float64 [E] or None.
            slopes: int64 [E, 129]; meaningless where a loss is not finite.
            rows: query rows behind the losses.
        """
        heard = np.isfinite(losses)
        cut = np.clip(np.where(heard, losses, 0.0), 0.0, self.loss_clip)
        votes = (0, 0)
        if previous is not None:
            change = relative_change(losses, previous)
            votes = (2 if change > 0 else 1 if change == 0 else 0, 1)
        return np.concatenate(
            [
                np.where(heard[:, None], slopes, 0).ravel(),
                np.floor(cut * LOSS_SCALE).astype(np.int64),
                heard.astype(np.int64),
                np.array([*votes, rows], dtype=np.int64),
            ]
        )

    def read(self, total: Ints, clients: int) -> Summed:
        """Take the sum of the terms of so many clients apart.

        Raises:
            SumError: a figure is larger than so many clients can make it. What lies within these
                bounds cannot be checked: a member's term is nobody's to see.
        """
        many = len(self.experts)
        slopes, losses, heard, votes = np.split(
            total, [many * WIDTH, many * (WIDTH + 1), many * (WIDTH + 2)]
        )
        half_votes, voters, rows = votes.tolist()
        slopes = slopes.reshape(many, WIDTH)
        most = clients * floor(self.loss_clip * LOSS_SCALE)
        counts = {"losses": (losses, most), "clients": (heard, clients)}
        for name, (values, bound) in counts.items():
            if len(values) and not 0 <= int(values.min()) <= int(values.max()) <= bound:
                raise SumError(f"the sum of {name} is none of {clients} members")
        if not 0 <= half_votes <= 2 * voters <= 2 * clients or rows < 0:
            raise SumError(f"the votes are none of {clients} members")
        # Each member's slopes are rounded: half a unit an entry.
        longest = clients * (int(self.slope_clip * SLOPE_SCALE) + WIDTH)
        for own in slopes.tolist():
            if sum(s * s for s in own) > longest * longest:
                raise SumError(f"the slopes are longer than those of {clients} members can be")
        chosen = list(self.experts)
        wide, told, counted = (np.zeros(shape, np.int64) for shape in _SHAPES)
        wide[chosen], told[chosen], counted[chosen] = slopes, losses, heard
        return Summed(clients, wide, told, counted, half_votes, voters, rows)
