"""A step from a sum is the step from the terms, as far as nothing looks at single clients."""

from dataclasses import replace

import numpy as np
import pytest

from scarcity.events.types import EXPERT_COUNT, SLOPE_SCALE
from scarcity.learning.contribution import Contribution, reconstruct
from scarcity.learning.online_maml import (
    DomainState,
    FamilyState,
    LearningSettings,
    OnlineMAMLEngine,
)
from scarcity.learning.sum_layout import WIDTH, SumLayout, Summed
from scarcity.learning.summed_round import mean_gradient, mean_losses, update_summed

LAYOUT = SumLayout(tuple(range(EXPERT_COUNT)), slope_clip=5.0, loss_clip=4.0)
# What a sum cannot heed is off, and the cap is never reached.
SAME = LearningSettings(trust=False, typical_losses=False, cap_factor=1e9)
CLIENTS = 7


def contribution(client: int, version: int, *, worse: bool = False) -> Contribution:
    draw = np.random.default_rng([client, version])
    slopes = np.rint(draw.normal(0, 0.1, (EXPERT_COUNT, WIDTH)) * SLOPE_SCALE).astype(np.int64)
    losses = draw.uniform(0.5, 1.0, EXPERT_COUNT)
    before = losses * (0.9 if worse else 1.1) if version else None
    return Contribution(f"c{client}", version, version, losses, 8, before, slopes)


def summed(told: list[Contribution]) -> Summed:
    terms = []
    for one in told:
        assert one.slopes is not None
        terms.append(LAYOUT.term(one.losses, one.previous_losses, one.slopes, one.samples))
    return LAYOUT.read(np.sum(terms, axis=0), len(told))


def start() -> tuple[OnlineMAMLEngine, DomainState, FamilyState]:
    engine = OnlineMAMLEngine(SAME)
    family = engine.start_family(2)
    return engine, engine.start("clinic", family, {}), family


def test_the_mean_gradient_is_that_of_the_same_slopes_told_one_by_one() -> None:
    told = [contribution(c, 3) for c in range(CLIENTS)]
    slopes = np.stack([one.slopes for one in told if one.slopes is not None])
    plain = reconstruct("clinic", 3, told, slopes)
    np.testing.assert_allclose(mean_gradient("clinic", 3, summed(told)), plain, rtol=1e-12)


def test_version_after_version_is_the_one_of_mode_open_with_every_direction_told() -> None:
    engine, state, family = start()
    plain, plain_family = state, family
    reverted = []
    for version in range(6):
        told = [contribution(c, version, worse=version in (3, 4)) for c in range(CLIENTS)]
        state, family, report = update_summed(engine, "clinic", state, family, summed(told))
        plain, plain_family, known = engine.update("clinic", plain, plain_family, told)
        np.testing.assert_allclose(state.z, plain.z, atol=1e-9)
        np.testing.assert_allclose(state.domain_losses, plain.domain_losses, atol=2**-23)
        assert (report.reverted, state.step_scale) == (known.reverted, plain.step_scale)
        assert (report.used, report.ignored, state.insights) == (CLIENTS, 0, plain.insights)
        reverted.append(report.reverted)
    assert reverted == [False, False, False, False, True, False]


def test_losses_at_the_default_start_are_those_of_the_first_round() -> None:
    engine, state, family = start()
    told = summed([contribution(c, 0) for c in range(CLIENTS)])
    first, family, _ = update_summed(engine, "clinic", state, family, told)
    np.testing.assert_array_equal(first.start_losses, mean_losses(told))
    second, _, _ = update_summed(engine, "clinic", first, family, told)
    np.testing.assert_array_equal(second.start_losses, first.start_losses)


def test_an_expert_that_nobody_told_of_keeps_its_loss() -> None:
    engine, state, family = start()
    told = summed([contribution(c, 0) for c in range(CLIENTS)])
    silent = replace(told, heard=np.where(np.arange(EXPERT_COUNT) == 2, 0, told.heard))
    state = replace(state, domain_losses=np.full(EXPERT_COUNT, 0.5))
    after, _, report = update_summed(engine, "clinic", state, family, silent)
    assert np.isnan(report.expert_losses[2])
    assert after.domain_losses[2] == 0.5
    assert report.mean_loss == pytest.approx(np.nanmean(report.expert_losses))


def test_starts_that_were_still_to_be_tried_are_given_up() -> None:
    engine, state, family = start()
    told = summed([contribution(c, 0) for c in range(CLIENTS)])
    tried = replace(state, candidates={"default": state.z})
    after, _, report = update_summed(engine, "clinic", tried, family, told)
    assert (after.candidates, report.start) == ({}, "")
