"""Which records become part of the memory.

A decision looks at the record and at what the same partition said before, and at nothing else (no
clock, no other topic), so that a replay decides the same. The checks run in the order of
``admit``; a record that breaks several rules is parked under the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import hypot, isfinite, sqrt
from typing import Final, Literal

from scarcity.events.errors import InsightError, Reason
from scarcity.events.insight import Insight
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTHS, SLOPE_SCALE, Record
from scarcity.memory.authority import Authority
from scarcity.memory.decoding import (
    MAX_COUNT,
    MAX_EPSILON,
    MAX_LOSS,
    MAX_SECONDS,
    decode_insight,
)

MAX_INSIGHT_BYTES: Final = 1 << 16  # ten experts with slopes take about 2 KiB
MAX_CLIENT_ID_BYTES: Final = 256


class Verdict(Enum):
    """What ``admit`` says besides an insight."""

    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class AdmissionLimits:
    """Bounds that an insight must keep.

    Attributes:
        max_bytes: size of a value.
        slope_clip: bound C of the norm of an expert's slopes, loss per unit of z.
        authority: judge of senders; None: anyone who can write to the topic may publish, under any
            name.
    """

    max_bytes: int = MAX_INSIGHT_BYTES
    slope_clip: float = 5.0
    authority: Authority | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.slope_clip) and 0 < self.slope_clip <= 1e6):
            raise ValueError(f"slope_clip {self.slope_clip} must lie in (0, 1e6]")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes {self.max_bytes} must be at least 1")


def admit(
    record: Record,
    domain: str,
    last_sequence: int | None,
    limits: AdmissionLimits,
    check_sender: Callable[[Insight], None] | None = None,
) -> Insight | Literal[Verdict.DUPLICATE]:
    """Decide what becomes of a record.

    Args:
        record: as the topic of ``domain`` holds it.
        last_sequence: of the last accepted insight under this key; None: there is none, or its
            sender does not number them.
        check_sender: refuses an insight whose sender may not publish it; None: nobody asks.

    Returns:
        The insight, or Verdict.DUPLICATE when its sequence is not newer: counted, not parked.

    Raises:
        EventError: the record is to be parked; ``reason`` says why.
    """
    insight, within_bounds = decode_insight(record.value, limits.max_bytes)
    _check_origin(record, insight, domain)
    if check_sender is not None:
        check_sender(insight)
    if last_sequence is not None:
        if insight.sequence is None:
            raise InsightError(
                Reason.OUT_OF_BOUNDS, "sequence is missing; earlier insights of this client had one"
            )
        if insight.sequence <= last_sequence:
            return Verdict.DUPLICATE
    if not within_bounds:
        check_numbers(insight)
        check_experts(insight)
    check_slopes(insight, limits.slope_clip)
    return insight


def _check_origin(record: Record, insight: Insight, domain: str) -> None:
    if insight.domain != domain:
        raise InsightError(
            Reason.WRONG_DOMAIN,
            f"the topic is of domain {domain}, the insight of {insight.domain[:64]!r}",
        )
    key = insight.client_id.encode()
    if record.key != key or not 1 <= len(key) <= MAX_CLIENT_ID_BYTES:
        raise InsightError(
            Reason.WRONG_KEY,
            f"the key must be the client_id, 1 to {MAX_CLIENT_ID_BYTES} bytes; client_id is "
            f"{insight.client_id[:64]!r}",
        )


def check_numbers(insight: Insight) -> None:
    """Refuse numbers out of bounds; JSON holds none that is not finite."""
    losses: dict[str, float | None] = {"avg_loss": insight.avg_loss}
    counts: dict[str, int | None] = {
        "total_samples": insight.total_samples,
        "sequence": insight.sequence,
        "meta_version": insight.meta_version,
    }
    for name, expert in insight.expert_insights.items():
        where = name[:64]
        losses[f"{where}.loss"] = expert.loss
        losses[f"{where}.previous_loss"] = expert.previous_loss
        counts[f"{where}.samples"] = expert.samples
        for candidate, loss in (expert.candidate_losses or {}).items():
            losses[f"{where}.candidate_losses.{candidate[:64]}"] = loss
    _refuse_outside("created_at", insight.created_at, MAX_SECONDS)
    _refuse_outside("epsilon", insight.epsilon, MAX_EPSILON)
    for field, told_loss in losses.items():
        _refuse_outside(field, told_loss, MAX_LOSS)
    for field, told_count in counts.items():
        _refuse_outside(field, told_count, MAX_COUNT)
    if not insight.expert_insights:
        raise InsightError(Reason.OUT_OF_BOUNDS, "expert_insights is empty")


def _refuse_outside(name: str, number: float | None, most: float) -> None:
    if number is not None and not 0 <= number <= most:
        raise InsightError(Reason.OUT_OF_BOUNDS, f"{name} is {number:.6g}; want 0 to {most:.6g}")


def check_experts(insight: Insight) -> None:
    """Refuse an expert that no client has."""
    for name in insight.expert_insights:
        if name not in EXPERT_NAMES:
            raise InsightError(
                Reason.UNKNOWN_EXPERT,
                f"expert {name[:64]!r} is unknown; one of {EXPERT_NAMES[0]} to {EXPERT_NAMES[-1]}",
            )


def check_slopes(insight: Insight, clip: float) -> None:
    """Refuse slopes of a length that no domain has, of two lengths, or with a norm above the clip.

    How many the domain asks for stands in its profile, on another topic: meta heeds it.
    """
    bound = clip * SLOPE_SCALE
    clearly_inside = bound * 0.999
    length: int | None = None
    for name, expert in insight.expert_insights.items():
        slopes = expert.slopes
        if slopes is None:
            continue
        if len(slopes) != length:
            _check_length(name, len(slopes), length)
            length = len(slopes)
        # A float norm well inside the bound settles nearly all; the integers decide the rest, so
        # that a replay on another machine's floats decides the same.
        try:
            if hypot(*slopes) < clearly_inside:
                continue
        except OverflowError:
            pass
        _check_norm_exactly(name, slopes, bound)


def _check_length(name: str, length: int, others: int | None) -> None:
    if others is not None or length not in SLOPE_LENGTHS:
        want = str(others or f"one of {', '.join(map(str, SLOPE_LENGTHS))}")
        raise InsightError(Reason.BAD_SLOPES, f"{name} has {length} slopes; want {want}")


def _check_norm_exactly(name: str, slopes: list[int], bound: float) -> None:
    # Rounding n entries to integers lengthens the vector by at most half of sqrt(n).
    if sum(s * s for s in slopes) > int((bound + (sqrt(len(slopes)) + 1) / 2) ** 2):
        raise InsightError(
            Reason.BAD_SLOPES,
            f"{name}: the norm of the slopes exceeds the clip of {bound / SLOPE_SCALE:.6g}",
        )
