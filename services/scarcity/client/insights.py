"""From the figures of a training step to the event that a client publishes."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
import numpy.typing as npt

from scarcity.client.versions import Version
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_NAMES
from scarcity.learning.client_step import Draw, StepResult


def to_insight(
    draw: Draw,
    place: int,
    result: StepResult,
    version: Version,
    experts: Sequence[int],
    rows: int,
    created_at: float | None,
) -> Insight | None:
    """The insight of one client of a step.

    Args:
        place: of the client in ``result``.
        experts: numbers of the experts in ``result``.
        rows: how many the client holds.
        created_at: unix time, seconds; only shown.

    Returns:
        None when no expert's loss is a number: there is nothing to say.
    """
    told = {
        EXPERT_NAMES[number]: ExpertInsight(
            loss=float(result.losses[place, e]),
            samples=int(result.samples[place]),
            previous_loss=_at(result.previous_losses, place, e),
            slopes=None if result.slopes is None else result.slopes[place, e].tolist(),
            candidate_losses=_candidates(result, place, e),
        )
        for e, number in enumerate(experts)
        if isfinite(result.losses[place, e])
    }
    if not told:
        return None
    return Insight(
        client_id=draw.client_id,
        expert_insights=told,
        avg_loss=sum(e.loss for e in told.values()) / len(told),
        total_samples=rows,
        domain=version.domain,
        sequence=draw.sequence,
        meta_version=version.number,
        created_at=created_at,
    )


def _at(losses: npt.NDArray[np.float64] | None, place: int, expert: int) -> float | None:
    if losses is None or not isfinite(losses[place, expert]):
        return None
    return float(losses[place, expert])


def _candidates(result: StepResult, place: int, expert: int) -> dict[str, float] | None:
    losses = {n: float(v[place, expert]) for n, v in result.candidate_losses.items()}
    return {n: v for n, v in losses.items() if isfinite(v)} or None
