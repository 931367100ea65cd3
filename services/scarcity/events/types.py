"""Names for what flows, so that no module passes a bare string or tuple to another."""

from typing import Final, Literal, NamedTuple, NewType, get_args

Domain = NewType("Domain", str)
ClientId = NewType("ClientId", str)
TimestampMs = NewType("TimestampMs", int)  # a record's broker or producer time, ms since 1970

EXPERT_COUNT: Final = 10
FEATURE_COUNT: Final = 64  # fixed features of an expert
META_COUNT: Final = 2 * FEATURE_COUNT + 1  # theta, log lambda, log sigma^2: z of one expert
# Directions that a client reports an expert, of the first 128 entries of z: what a domain may
# choose (all divide 128), what it may choose besides where noise is what protects the rows (each
# block has its noise, so the fewer blocks the less), and what it has when it says nothing.
SLOPE_CHOICES: Final = (2, 4, 8, 16)
SlopeChoice = Literal[2, 4, 8, 16, 32, 64, 128]
NOISED_SLOPE_CHOICES: Final[tuple[SlopeChoice, ...]] = get_args(SlopeChoice)
SLOPES_PER_INSIGHT: Final = 8
SLOPE_LENGTH: Final = SLOPES_PER_INSIGHT + 1  # and the entry of log sigma^2
SLOPE_LENGTHS: Final = tuple(choice + 1 for choice in NOISED_SLOPE_CHOICES)
SLOPE_SCALE: Final = 2**24  # slopes are int64 in units of 2**-24 loss per unit of z
EXPERT_NAMES: Final = tuple(f"expert_{i}" for i in range(EXPERT_COUNT))


class Position(NamedTuple):
    """A record's coordinate in the log.

    >>> print(Position("insights.retail", 0, 7))
    insights.retail[0]@7
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """A record as a broker hands it over; ``value`` None is a tombstone."""

    position: Position
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()


class Outgoing(NamedTuple):
    """A record to be published; ``partition`` None leaves the choice to the key's hash."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
