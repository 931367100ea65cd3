"""Which records become part of the memory.

A decision looks at the record and at what the same partition said before, and at nothing else (no
clock, no other topic), so that a replay decides the same. The checks run in the order of
``admit``; a record that breaks several rules is parked under the first.
"""

import json
from dataclasses import dataclass
from enum import Enum
from math import hypot, isfinite
from typing import Annotated, Final, Literal, Protocol, cast

import msgspec
from msgspec import Meta

from scarcity.events.codec import SCHEMA_VERSION, decode_json, refuse_newer
from scarcity.events.errors import EventError, InsightError, Reason
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, SLOPE_SCALE, Record

MAX_INSIGHT_BYTES: Final = 1 << 16  # ten experts with slopes take about 2 KiB
MAX_CLIENT_ID_BYTES: Final = 256
MAX_LOSS: Final = 1e12
MAX_COUNT: Final = 2**53  # every JSON reader holds integers up to here exactly
MAX_SECONDS: Final = 1e12


class Authority(Protocol):
    """Says whether the sender may publish under the record's key, from its headers alone."""

    def check(self, record: Record, insight: Insight) -> None:
        """Raise InsightError under Reason.SIGNATURE when it may not."""


class Verdict(Enum):
    """What ``admit`` says besides an insight."""

    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class AdmissionLimits:
    """Bounds that an insight must keep.

    Attributes:
        max_bytes: size of a value.
        slope_clip: bound C of the norm of an expert's slopes, loss per unit of z.
        authority: judge of the sender; None: anyone who can write to the topic may publish.
    """

    max_bytes: int = MAX_INSIGHT_BYTES
    slope_clip: float = 5.0
    authority: Authority | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.slope_clip) and 0 < self.slope_clip <= 1e6):
            raise ValueError(f"slope_clip {self.slope_clip} must lie in (0, 1e6]")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes {self.max_bytes} must be at least 1")


_Loss = Annotated[float, Meta(ge=0.0, le=MAX_LOSS)]
_Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
_Slope = Annotated[int, Meta(ge=-(2**62), le=2**62)]
_ExpertName = Literal[EXPERT_NAMES]


class _BoundedExpert(msgspec.Struct, gc=False):
    loss: _Loss
    samples: _Count
    previous_loss: _Loss | None = None
    slopes: Annotated[list[_Slope], Meta(min_length=SLOPE_LENGTH, max_length=SLOPE_LENGTH)] | None = (
        None
    )
    candidate_losses: dict[str, _Loss] | None = None


class _BoundedInsight(msgspec.Struct):
    """Insight with the bounds in its types: one pass of the decoder checks them all.

    The plain pass below finds the reason, in the right order, when this one refuses.
    """

    client_id: str
    expert_insights: Annotated[dict[_ExpertName, _BoundedExpert], Meta(min_length=1)]  # type: ignore[valid-type]
    avg_loss: _Loss
    total_samples: _Count
    domain: str
    sequence: _Count | None = None
    meta_version: _Count | None = None
    created_at: Annotated[float, Meta(ge=0.0, le=MAX_SECONDS)] | None = None
    schema_version: str = SCHEMA_VERSION


_bounded = msgspec.json.Decoder(_BoundedInsight)


def admit(
    record: Record,
    domain: str,
    last_sequence: int | None,
    limits: AdmissionLimits,
) -> Insight | Literal[Verdict.DUPLICATE]:
    """Decide what becomes of a record.

    Args:
        record: as the topic of ``domain`` holds it.
        last_sequence: of the last accepted insight under this key; None: there is none, or its
            sender does not number them.

    Returns:
        The insight, or Verdict.DUPLICATE when its sequence is not newer: counted, not parked.

    Raises:
        InsightError: the record is to be parked; ``reason`` says why.
    """
    insight, within_bounds = _decode(record.value, limits.max_bytes)
    if insight.schema_version != SCHEMA_VERSION:
        _as_insight_error(refuse_newer, insight.schema_version)
    _check_origin(record, insight, domain)
    if limits.authority is not None:
        limits.authority.check(record, insight)
    if last_sequence is not None and _is_old(insight.sequence, last_sequence):
        return Verdict.DUPLICATE
    if not within_bounds:
        check_bounds(insight)
        check_experts(insight)
    _check_slopes(insight, limits.slope_clip)
    return insight


def _decode(value: bytes | None, max_bytes: int) -> tuple[Insight, bool]:
    if value and len(value) <= max_bytes:
        try:
            bounded = _bounded.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            # The decoder skips unknown fields without looking at their encoding; they are kept.
            if value.isascii() or _is_utf8(value):
                return cast(Insight, bounded), True
            raise InsightError(Reason.MALFORMED, "the value is not UTF-8")
    try:
        return decode_json(value, Insight, limit=max_bytes), False
    except EventError as error:
        if error.reason is Reason.MALFORMED and value and _names_no_number(value):
            raise InsightError(Reason.NOT_FINITE, "a number is NaN or infinite") from None
        raise InsightError(error.reason, str(error)) from None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


class _NotFinite(Exception):
    """A constant of Python's JSON dialect, or a number beyond float64."""


def _refuse_constant(_name: str) -> float:
    raise _NotFinite


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise _NotFinite
    return number


def _names_no_number(value: bytes) -> bool:
    """Whether it would be JSON but for NaN, Infinity or a number beyond float64."""
    try:
        json.loads(value, parse_constant=_refuse_constant, parse_float=_finite)
    except _NotFinite:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _as_insight_error(check: "type[None] | object", version: str) -> None:
    raise NotImplementedError


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


def _is_old(sequence: int | None, last: int) -> bool:
    """Whether a numbering sender comes with nothing newer; without a number it cannot say."""
    return sequence is None or sequence <= last
