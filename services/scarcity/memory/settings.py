"""What an operator may set for the memory worker; read once, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scarcity.broker.settings import read_number
from scarcity.memory.admission import AdmissionLimits

MAX_INSIGHTS_KEY: Final = "SCARCITY_MEMORY_MAX_INSIGHTS"
MAX_INSIGHT_BYTES_KEY: Final = "SCARCITY_MEMORY_MAX_INSIGHT_BYTES"
SLOPE_CLIP_KEY: Final = "SCARCITY_MEMORY_SLOPE_CLIP"
MOST_INSIGHT_BYTES: Final = 1 << 19  # so that a client's record stays below a batch of 1 MiB


@dataclass(frozen=True)
class MemorySettings:
    """Settings of the fold. All workers of a cluster must have the same, or the fold depends on
    who does it.

    Attributes:
        max_insights: latest insights kept a domain; about 2.5 KiB each.
        limits: what an insight must keep to be admitted.
    """

    max_insights: int = 100_000
    limits: AdmissionLimits = field(default_factory=AdmissionLimits)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "MemorySettings":
        """Read the keys above; those that are missing or empty keep their default.

        Raises:
            InputError: a value is no number or lies out of range; names its key.

        >>> MemorySettings.from_environment({"SCARCITY_MEMORY_MAX_INSIGHTS": "500"}).max_insights
        500
        """
        default = cls()
        limits = AdmissionLimits(
            max_bytes=read_number(
                environ,
                MAX_INSIGHT_BYTES_KEY,
                int,
                default.limits.max_bytes,
                256,
                MOST_INSIGHT_BYTES,
            ),
            slope_clip=read_number(
                environ, SLOPE_CLIP_KEY, float, default.limits.slope_clip, 1e-6, 1e6
            ),
        )
        max_insights = read_number(environ, MAX_INSIGHTS_KEY, int, default.max_insights, 1, 10**9)
        return cls(max_insights, limits)
