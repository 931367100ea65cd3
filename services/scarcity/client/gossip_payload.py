"""What a gossip message says, in bytes: priors rounded to int8, and back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.gossip_weights import GossipDeviation, Quantised
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, META_COUNT
from scarcity.learning.mixing import dequantise, quantise
from scarcity.learning.peer_learning import Prior
from scarcity.learning.public_draws import draw_uniforms
from scarcity.learning.tensors import from_payload, to_payload

Array = npt.NDArray[np.float64]

# Numbers an expert, their scales with them.
LED_SCALARS = FEATURE_COUNT + 1
PEER_SCALARS = 2 * META_COUNT + 3


@dataclass(frozen=True)
class Message:
    """What a client tells its peers.

    Attributes:
        deviation: z minus the version's; float64 [E, 129]; beyond theta 0 while there is a server.
        momentum: float64 [E, 129]; None while there is a server.
    """

    deviation: Array
    momentum: Array | None = None

    @property
    def prior(self) -> Prior | None:
        """Deviation and momentum; None when the sender has a server."""
        return None if self.momentum is None else Prior(self.deviation, self.momentum)


def write_message(message: Message, client: str, cycle: int, *, exact: bool) -> bytes:
    """Bytes of a message; the rounding is drawn from the client's name and the cycle."""
    count = 2 * META_COUNT if message.momentum is not None else FEATURE_COUNT
    uniforms = draw_uniforms("gossip", client, cycle, count=EXPERT_COUNT * count)
    chance = uniforms.reshape(EXPERT_COUNT, count)

    def rounded(values: Array, first: int) -> Quantised:
        if exact:
            ones = np.ones(EXPERT_COUNT)
            return Quantised(to_payload(values.astype(np.float32)), to_payload(ones))
        levels, scales = quantise(values, chance[:, first : first + values.shape[1]])
        return Quantised(to_payload(levels), to_payload(scales))

    theta = rounded(message.deviation[:, :FEATURE_COUNT], 0)
    if message.momentum is None:
        return encode_msgpack(GossipDeviation(theta.levels, theta.scales))
    return encode_msgpack(
        GossipDeviation(
            theta.levels,
            theta.scales,
            variances=rounded(message.deviation[:, FEATURE_COUNT:], FEATURE_COUNT),
            momentum=rounded(message.momentum, META_COUNT),
        )
    )


def read_message(payload: bytes) -> Message:
    """Read what :func:`write_message` wrote.

    Raises:
        EventError: malformed or not finite.
    """
    content = decode_msgpack(payload, GossipDeviation)
    deviation = np.zeros((EXPERT_COUNT, META_COUNT))
    theta = Quantised(content.levels, content.scales)
    deviation[:, :FEATURE_COUNT] = _values(theta, FEATURE_COUNT)
    if content.variances is None or content.momentum is None:
        return Message(deviation)
    deviation[:, FEATURE_COUNT:] = _values(content.variances, META_COUNT - FEATURE_COUNT)
    return Message(deviation, _values(content.momentum, META_COUNT))


def _values(content: Quantised, columns: int) -> Array:
    levels, scales = from_payload(content.levels), from_payload(content.scales)
    fits = (levels.shape, scales.shape) == ((EXPERT_COUNT, columns), (EXPERT_COUNT,))
    if not fits or scales.dtype != np.float64 or levels.dtype not in (np.int8, np.float32):
        raise EventError(
            Reason.MALFORMED,
            f"want int8 or float32 [{EXPERT_COUNT}, {columns}] with float64 [{EXPERT_COUNT}] "
            f"scales; got {content.levels.dtype}{list(levels.shape)} with "
            f"{content.scales.dtype}{list(scales.shape)}",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        if levels.dtype == np.int8:
            values = dequantise(levels.astype(np.int8), scales.astype(np.float64))
        else:
            values = levels.astype(np.float64) * scales.astype(np.float64)[:, None]
    if not np.isfinite(values).all():
        raise EventError(Reason.NOT_FINITE, "a prior holds a number that is not finite")
    return values
