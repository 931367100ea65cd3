"""What colluding clients send passes admission and does what its name says."""

from typing import get_type_hints

import numpy as np
import pytest

from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_NAMES, META_COUNT, SLOPE_LENGTH, SLOPE_SCALE
from scarcity.learning.directions import DIRECTION_COUNT
from scarcity.memory.admission import check_experts, check_numbers, check_slopes
from scarcity.simulation.attacks.forging import Circumstances, honest_slopes, project
from scarcity.simulation.attacks.poisoning import fixed_direction, make_attack
from scarcity.simulation.scenario import Attackers

AT = Circumstances("waves", slope_clip=5.0)
ATTACKS = get_type_hints(Attackers)["attack"].__args__


def insight(number: int, version: int = 1) -> Insight:
    """An honest insight whose slopes are the projections of one gradient, all entries .05."""
    gradient = np.full((len(EXPERT_NAMES), META_COUNT), 0.05)
    experts = {
        name: ExpertInsight(1.0, 4, previous_loss=1.1, slopes=[0] * SLOPE_LENGTH)
        for name in EXPERT_NAMES
    }
    bare = Insight(f"c{number}", experts, 1.0, 8, "waves", sequence=number, meta_version=version)
    for name, row in zip(EXPERT_NAMES, project(gradient, bare, "waves"), strict=True):
        experts[name].slopes = np.rint(row * SLOPE_SCALE).astype(int).tolist()
    return bare


def forge(attack: str, *, many: int = 160, **changes: float) -> tuple[list[Insight], list[Insight]]:
    honest = [insight(number) for number in range(many)]
    gang = make_attack(Attackers(attack, **changes), seed="test")
    return honest, gang.forge(honest, AT)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_insight_would_be_admitted(attack: str) -> None:
    _, forged = forge(attack, many=8)
    for one in forged:
        check_numbers(one)
        check_experts(one)
        check_slopes(one, AT.slope_clip)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_honest_insights_stay_as_they_were(attack: str) -> None:
    honest, _ = forge(attack, many=8)
    assert honest == [insight(number) for number in range(8)]


def test_against_the_honest_direction_at_the_clip() -> None:
    honest, forged = forge("against-honest-at-clip")
    for true, false in zip(honest, forged, strict=True):
        told, sent = honest_slopes(true), honest_slopes(false)
        assert told is not None
        assert sent is not None
        assert np.linalg.norm(sent, axis=1) == pytest.approx(5.0, abs=1e-6)
    # 160 insights report each of 16 blocks often enough to know the gradient: all but opposite.
    true, false = (np.concatenate([honest_slopes(i) for i in some]) for some in (honest, forged))
    cosine = (true * false).sum() / np.linalg.norm(true) / np.linalg.norm(false)
    assert cosine < -0.9


def test_at_honest_size_keeps_each_norm() -> None:
    honest, forged = forge("against-honest-at-size")
    for true, false in zip(honest, forged, strict=True):
        norms = [np.linalg.norm(honest_slopes(i), axis=1) for i in (true, false)]
        assert norms[1] == pytest.approx(norms[0], abs=1e-6)


def test_a_fixed_direction_is_the_same_for_the_whole_gang() -> None:
    _, forged = forge("fixed-direction")
    direction = fixed_direction("test")
    for one in forged:
        expected = project(direction, one, "waves")
        expected *= 5.0 / np.linalg.norm(expected, axis=1, keepdims=True)
        assert honest_slopes(one) == pytest.approx(expected, abs=1e-6)


def test_sleepers_are_honest_until_their_version() -> None:
    gang = make_attack(Attackers("fixed-direction", after_versions=5), seed="test")
    before, after = insight(1, version=5), insight(1, version=6)
    assert gang.forge([before], AT) == [before]
    assert gang.forge([after], AT) != [after]


def test_a_liar_says_that_every_step_hurt() -> None:
    _, forged = forge("loss-liar", many=1)
    # previous 1.1, strength 1: 1.1 * 2.
    assert forged[0].expert_insights["expert_3"].loss == pytest.approx(2.2)
    assert forged[0].avg_loss == pytest.approx(2.2)


def test_bait_praises_the_first_expert_alone() -> None:
    _, forged = forge("routing-bait", many=1)
    losses = [forged[0].expert_insights[name].loss for name in EXPERT_NAMES]
    assert losses == [0.0] + [10.0] * 9


def test_bait_turns_the_slopes_of_the_first_expert_alone() -> None:
    honest, forged = forge("routing-bait")
    for true, false in zip(honest, forged, strict=True):
        told, sent = honest_slopes(true), honest_slopes(false)
        assert np.linalg.norm(sent[0]) == pytest.approx(5.0, abs=1e-6)
        assert np.array_equal(told[1:], sent[1:])


def test_a_consistent_liar_says_what_its_slopes_foretell() -> None:
    step = np.full((len(EXPERT_NAMES), META_COUNT), 0.01)
    honest = [insight(number) for number in range(8)]
    gang = make_attack(Attackers("consistent-liar"), seed="test")
    for forged in gang.forge(honest, AT._replace(step=step)):
        foretold = (honest_slopes(forged) * project(step, forged, "waves")).sum(axis=1)
        told = [forged.expert_insights[name] for name in EXPERT_NAMES]
        assert [e.loss > e.previous_loss for e in told] == (foretold > 0).tolist()


def test_inflated_samples_claim_more_rows() -> None:
    _, forged = forge("inflated-samples", many=1)
    assert forged[0].total_samples == 8000


def test_projections_keep_the_length_of_a_gradient_over_all_blocks() -> None:
    gradient = np.zeros((10, META_COUNT))
    gradient[:, :DIRECTION_COUNT] = 1.0
    blocks: dict[tuple[int, ...], float] = {}
    for number in range(400):
        slopes = project(gradient, insight(number), "waves")
        blocks[tuple(np.rint(1e9 * slopes[0]).astype(int))] = float((slopes[0] ** 2).sum())
    # An orthonormal basis: the squares over all sixteen blocks add up to 128 ones.
    assert sum(blocks.values()) == pytest.approx(128.0)
