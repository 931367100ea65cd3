from dataclasses import replace

import numpy as np
import pytest
from tests.learning.rounds import bare_contribution, honest_round, some_batch

from scarcity.events.types import EXPERT_COUNT, META_COUNT, SLOPE_SCALE
from scarcity.learning.agreement import MIN_EXPERTS, agreements
from scarcity.learning.contribution import Contribution
from scarcity.learning.directions import block, hadamard, signs
from scarcity.learning.online_maml import DomainState, OnlineMAMLEngine

STEP = np.random.default_rng(3).normal(size=(EXPERT_COUNT, META_COUNT))


def _says(slope_of_step: float, change: float, *, sequence: int = 0) -> Contribution:
    """Slopes along the step times a factor; losses of 1 that changed by so much."""
    q = signs("d", 1)[:, None] * hadamard() / np.sqrt(128)
    along = STEP[:, :128] @ q[:, block("a", sequence)]
    slopes = np.concatenate([along, STEP[:, 128:]], axis=1) * slope_of_step
    return replace(
        bare_contribution("a", loss=1.0 + change, before=1.0, sequence=sequence, version=1),
        slopes=np.rint(slopes * SLOPE_SCALE).astype(np.int64),
    )


@pytest.mark.parametrize(("slope", "change"), [(0.3, 0.2), (-2.0, -0.01)])
def test_slopes_that_foretell_the_change_agree_fully(slope: float, change: float) -> None:
    assert agreements("d", 1, STEP, [_says(slope, change)]) == pytest.approx({0: 1.0})


def test_slopes_turned_round_contradict_fully() -> None:
    told = [_says(-0.3, 0.2), _says(0.3, 0.2, sequence=4)]
    assert agreements("d", 1, STEP, told) == pytest.approx({0: -1.0, 1: 1.0})


def test_insights_that_cannot_be_checked_say_nothing() -> None:
    fit = _says(0.3, 0.2)
    few = np.where(np.arange(EXPERT_COUNT) < MIN_EXPERTS - 1, fit.losses, np.nan)
    told = [
        replace(fit, meta_version=0),
        replace(fit, slopes=None),
        replace(fit, previous_losses=None),
        replace(fit, losses=few),
        replace(fit, losses=np.ones(EXPERT_COUNT)),  # nothing changed
        fit,
    ]
    assert list(agreements("d", 1, STEP, told)) == [5]
    assert agreements("d", 1, np.zeros_like(STEP), [fit]) == {}


def test_honest_clients_agree_with_themselves() -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * 16)
    family = engine.start_family(3)
    state: DomainState = engine.start("test", family, {})
    found: list[float] = []
    for number in range(20):
        heard = honest_round(batch, state, number)
        if state.previous_z is not None:
            step = state.z - state.previous_z
            found += agreements("test", state.version, step, heard).values()
        state, family, _ = engine.update("test", state, family, heard)
    assert len(found) == 19 * 16
    assert np.mean(found) > 0.2
