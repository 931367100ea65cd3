"""From the figures of a training step to the events that clients publish."""

from collections.abc import Mapping, Sequence
from math import isfinite

from scarcity.client.versions import Version
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_NAMES
from scarcity.learning.client_step import Draw, StepResult


def to_insights(
    draws: Sequence[Draw],
    result: StepResult,
    version: Version,
    experts: Sequence[int],
    rows: Sequence[int],
    created_at: float | None,
) -> list[Insight]:
    """The insights of the clients of a step.

    Args:
        experts: numbers of the experts in ``result``.
        rows: how many each client holds.
        created_at: unix time, seconds; only shown.

    Returns:
        One a client, in their order; none of a client with no expert whose loss is a number:
        there is nothing to say.
    """
    names = [EXPERT_NAMES[number] for number in experts]
    # As lists at once: one number at a time out of an array takes three times as long.
    losses, samples = result.losses.tolist(), result.samples.tolist()
    previous = None if result.previous_losses is None else result.previous_losses.tolist()
    slopes = None if result.slopes is None else result.slopes.tolist()
    candidates = {name: tried.tolist() for name, tried in result.candidate_losses.items()}
    insights = []
    for place, draw in enumerate(draws):
        told = {
            name: ExpertInsight(
                loss,
                samples[place],
                None if previous is None else _finite(previous[place][e]),
                None if slopes is None else slopes[place][e],
                _tried(candidates, place, e) if candidates else None,
            )
            for e, (name, loss) in enumerate(zip(names, losses[place], strict=True))
            if isfinite(loss)
        }
        if told:
            insights.append(
                Insight(
                    client_id=draw.client_id,
                    expert_insights=told,
                    avg_loss=sum(e.loss for e in told.values()) / len(told),
                    total_samples=rows[place],
                    domain=version.domain,
                    sequence=draw.sequence,
                    meta_version=version.number,
                    created_at=created_at,
                )
            )
    return insights


def _finite(loss: float) -> float | None:
    return loss if isfinite(loss) else None


def _tried(
    candidates: Mapping[str, list[list[float]]], place: int, expert: int
) -> dict[str, float] | None:
    losses = {name: tried[place][expert] for name, tried in candidates.items()}
    return {name: loss for name, loss in losses.items() if isfinite(loss)} or None
