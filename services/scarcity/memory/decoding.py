"""An insight from a record's value, its bounds checked by the decoder on the way.

What is refused here is refused for what stands in the value alone.
"""

import json
from math import isfinite
from typing import Annotated, Final, Literal, cast

import msgspec
from msgspec import Meta

from scarcity.events.codec import SCHEMA_VERSION, decode_json, refuse_newer
from scarcity.events.errors import EventError, InsightError, Reason
from scarcity.events.insight import Insight
from scarcity.events.types import SLOPE_LENGTHS
from scarcity.memory.nesting import MAX_NESTING, is_deep

MAX_LOSS: Final = 1e12
MAX_COUNT: Final = 2**53  # every JSON reader holds integers up to here exactly
MAX_SECONDS: Final = 1e12
MAX_EPSILON: Final = 1e6

_Loss = Annotated[float, Meta(ge=0.0, le=MAX_LOSS)]
_Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
_Slope = Annotated[int, Meta(ge=-(2**62), le=2**62)]
# EXPERT_NAMES once more: a type has to be written out. A test holds the two together.
ExpertName = Literal[
    "expert_0",
    "expert_1",
    "expert_2",
    "expert_3",
    "expert_4",
    "expert_5",
    "expert_6",
    "expert_7",
    "expert_8",
    "expert_9",
]


class BoundedExpert(msgspec.Struct, omit_defaults=True, gc=False):
    """ExpertInsight with its bounds."""

    loss: _Loss
    samples: _Count
    previous_loss: _Loss | None = None
    slopes: (
        Annotated[list[_Slope], Meta(min_length=SLOPE_LENGTHS[0], max_length=SLOPE_LENGTHS[-1])]
        | None
    ) = None
    candidate_losses: dict[str, _Loss] | None = None


class BoundedInsight(msgspec.Struct, omit_defaults=True):
    """Insight with the bounds in its types: one pass of the decoder checks them all.

    The plain pass below finds the reason, in the right order, when this one refuses.
    """

    client_id: str
    expert_insights: Annotated[dict[ExpertName, BoundedExpert], Meta(min_length=1)]
    avg_loss: _Loss
    total_samples: _Count
    domain: str
    sequence: _Count | None = None
    meta_version: _Count | None = None
    created_at: Annotated[float, Meta(ge=0.0, le=MAX_SECONDS)] | None = None
    epsilon: Annotated[float, Meta(ge=0.0, le=MAX_EPSILON)] | None = None
    schema_version: str = SCHEMA_VERSION


class ExactExpert(BoundedExpert, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """BoundedExpert without anything that this version does not know."""


class ExactInsight(BoundedInsight, omit_defaults=True, forbid_unknown_fields=True):
    """BoundedInsight likewise: what it decodes is as deep as an insight is, and text throughout."""

    expert_insights: Annotated[  # type: ignore[assignment]  # nobody writes to a decoded one
        dict[ExpertName, ExactExpert], Meta(min_length=1)
    ]


_exact = msgspec.json.Decoder(ExactInsight)
_bounded = msgspec.json.Decoder(BoundedInsight)


def decode_insight(value: bytes | None, max_bytes: int) -> tuple[Insight, bool]:
    """The event, and whether the decoder has checked its bounds on the way.

    Raises:
        InsightError: it is none; ``reason`` says why.
    """
    fits = value if value and len(value) <= max_bytes else None
    exact = _decode_exactly(fits) if fits else None
    if exact is not None:
        return exact, True
    if fits and is_deep(fits):
        raise InsightError(Reason.MALFORMED, f"it nests deeper than {MAX_NESTING} levels")
    try:
        bounded = decode_bounded(fits) if fits else None
        if bounded is not None:
            refuse_newer(bounded.schema_version)
        insight = bounded or decode_json(value, Insight, limit=max_bytes)
    except EventError as error:
        if error.reason is Reason.MALFORMED and value and _names_no_number(value):
            raise InsightError(Reason.NOT_FINITE, "a number is NaN or infinite") from None
        raise InsightError(error.reason, str(error)) from None
    _check_text(value or b"")
    return insight, bounded is not None


def _decode_exactly(value: bytes) -> Insight | None:
    """The insight, when it is of this version to the letter, as nearly all are."""
    try:
        insight = _exact.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return cast(Insight, insight) if insight.schema_version == SCHEMA_VERSION else None


def decode_bounded(value: bytes) -> Insight | None:
    """The insight, when the decoder finds nothing out of bounds; slopes still to be measured."""
    try:
        return cast(Insight, _bounded.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _check_text(value: bytes) -> None:
    # The decoder skips unknown fields without looking at their encoding, and they are kept.
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise InsightError(Reason.MALFORMED, f"not an Insight: {error}") from None


class _NotFiniteError(Exception):
    """A constant of Python's JSON dialect, or a number beyond float64."""


def _refuse_constant(_name: str) -> float:
    raise _NotFiniteError


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise _NotFiniteError
    return number


def _names_no_number(value: bytes) -> bool:
    """Whether it would be JSON but for NaN, Infinity or a number beyond float64."""
    try:
        json.loads(value, parse_constant=_refuse_constant, parse_float=_finite)
    except _NotFiniteError:
        return True
    except (ValueError, RecursionError):
        return False
    return False
