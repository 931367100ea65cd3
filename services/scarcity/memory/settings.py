"""What an operator may set for the memory worker; read once, from the environment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from scarcity.broker.settings import read_number
from scarcity.events.errors import ServiceError
from scarcity.keys.operators import read_memory_secret, read_operator_keys
from scarcity.memory.admission import AdmissionLimits
from scarcity.memory.authority import Authority

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
            InputError: a value is no number or lies out of range, or the operators' keys cannot be
                read; names its key.

        >>> MemorySettings.from_environment({"SCARCITY_MEMORY_MAX_INSIGHTS": "500"}).max_insights
        500
        """
        default = cls()
        max_bytes = read_number(
            environ,
            MAX_INSIGHT_BYTES_KEY,
            int,
            default.limits.max_bytes,
            256,
            MOST_INSIGHT_BYTES,
        )
        operators = read_operator_keys(environ)
        limits = AdmissionLimits(
            max_bytes=max_bytes,
            slope_clip=read_number(
                environ, SLOPE_CLIP_KEY, float, default.limits.slope_clip, 1e-6, 1e6
            ),
            authority=Authority(operators, max_bytes, read_memory_secret(environ))
            if operators
            else None,
        )
        max_insights = read_number(environ, MAX_INSIGHTS_KEY, int, default.max_insights, 1, 10**9)
        return cls(max_insights, limits)

    @property
    def senders(self) -> str:
        """Whose insights count, for people."""
        authority = self.limits.authority
        if authority is None:
            return "UNSIGNED: whoever may write to a topic speaks for every client of its domain"
        told = f"signed under a certificate of operator key {', '.join(authority.key_ids)}"
        return f"{told}, a MAC for signature where there is one" if authority.uses_macs else told


def equal_partitions(partitions: Mapping[str, Collection[int] | None]) -> int:
    """How many partitions each of the insights topics has.

    Raises:
        ServiceError: not all have the same number.
    """
    counts = {topic: len(numbers or ()) for topic, numbers in partitions.items()}
    if len(set(counts.values())) != 1:
        raise ServiceError(
            f"the insights topics have unequal numbers of partitions ({counts}), so that two "
            "workers would own one number: give all the same in topics.yaml and apply it"
        )
    return next(iter(counts.values()))
