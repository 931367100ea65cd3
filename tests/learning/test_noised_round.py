"""Central noise: what one client can move, what leaves, and that the rest is unbiased."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.learning.rounds import bare_contribution

from scarcity.events.dp_rules import NO_PROMISE, DpRules
from scarcity.events.types import EXPERT_COUNT, SLOPE_SCALE
from scarcity.learning.contribution import Contribution, Ints
from scarcity.learning.directions import block, hadamard, signs
from scarcity.learning.noised_round import (
    LOSS_SHARE,
    CentralNoise,
    clip_jointly,
    noised_round,
    update_noised,
)
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.learning.settings import LOSS_SCALE

ALL = tuple(range(EXPERT_COUNT))
KEY = bytes(range(32))
SILENT = DpRules(clients=64, sampling_rate=0.5, noise_multiplier=0.0, epsilon_limit=NO_PROMISE)
GRADIENT = np.random.default_rng(1).normal(size=(EXPERT_COUNT, 129)) / 40


def noise(rules: DpRules, experts: tuple[int, ...] = ALL, inputs: str = "h") -> CentralNoise:
    return CentralNoise(rules, 8, experts, KEY, inputs)


def report(name: str, sequence: int, version: int = 3, loss: float = 0.5) -> Contribution:
    """A client whose gradient is GRADIENT."""
    q = signs("d", version)[:, None] * hadamard() / np.sqrt(128)
    projections = GRADIENT[:, :128] @ q[:, block(name, sequence)]
    exact = np.concatenate([projections, GRADIENT[:, 128:]], axis=1) * SLOPE_SCALE
    losses = np.full(EXPERT_COUNT, loss)
    return Contribution(name, sequence, version, losses, 4, slopes=np.rint(exact).astype(np.int64))


def norm(slopes: Ints) -> int:
    """Squared, exact."""
    return sum(s * s for s in slopes.ravel().tolist())


slopes_of_a_client = arrays(np.int64, (3, 9), elements=st.integers(-(2**40), 2**40))


@given(slopes_of_a_client, st.floats(1e-3, 10.0))
def test_no_client_s_slopes_are_longer_than_the_clip(slopes: Ints, clip: float) -> None:
    bound = int(clip * SLOPE_SCALE)
    cut = clip_jointly(slopes, clip)
    assert norm(cut) <= bound * bound
    if norm(slopes) <= bound * bound:
        assert (cut == slopes).all()
    else:
        # Rounding towards zero takes less than one unit an entry.
        assert norm(cut) >= (bound - 2 - int(np.sqrt(cut.size))) ** 2 or bound < 10
        assert (np.sign(cut) * np.sign(slopes) >= 0).all()


def test_two_clients_of_a_batch_are_clipped_apart() -> None:
    slopes = np.stack([np.full((3, 9), SLOPE_SCALE), np.ones((3, 9), np.int64)])
    cut = clip_jointly(slopes, 1.0)
    assert (cut[1] == 1).all()
    assert norm(cut[0]) <= SLOPE_SCALE**2


@given(slopes_of_a_client, st.lists(st.floats(0, 1e9) | st.just(float("nan")), min_size=3))
def test_a_client_moves_the_sums_by_no_more_than_the_sensitivity(
    slopes: Ints, losses: list[float]
) -> None:
    rules = DpRules(clients=10, sampling_rate=0.5)
    experts = (2, 5, 7)
    told = np.full(EXPERT_COUNT, np.nan)
    told[list(experts)] = losses[:3]
    own = np.zeros((EXPERT_COUNT, 9), dtype=np.int64)
    own[list(experts)] = slopes
    client = Contribution("a", 0, 0, told, 4, slopes=own)
    with_it = noised_round("d", 0, [client], noise(rules, experts))
    without = noised_round("d", 0, [], noise(rules, experts))
    # The same noise is under both, so that the difference is the client's, over 5 expected ones.
    # Columns are scaled back by 128 / 8; the transform is orthonormal.
    moved = (with_it.gradient - without.gradient) * 5
    by_slopes = np.sqrt((moved[:, :128] ** 2).sum() * (8 / 128) ** 2 + (moved[:, 128] ** 2).sum())
    assert by_slopes <= rules.clip + 1e-6
    spread = noise(rules, experts)
    # In units of each noise: slopes at most 1 / (z sqrt(1 + a^2)), losses a of that.
    unit = spread.loss_sigma / LOSS_SCALE
    assert np.sqrt(3) * rules.loss_clip / unit <= LOSS_SHARE / (2 * np.sqrt(1 + LOSS_SHARE**2))
    assert rules.clip * SLOPE_SCALE / spread.slope_sigma <= 1 / (2 * np.sqrt(1 + LOSS_SHARE**2))


def test_without_noise_the_gradient_is_that_of_the_clients() -> None:
    # One report a block, as often as 32 expected clients report each of 16 blocks: twice.
    reports: dict[int, list[Contribution]] = {}
    for sequence in range(2000):
        own = reports.setdefault(int(block("a", sequence)[0]), [])
        if len(own) < 2:
            own.append(report("a", sequence))
    told = noised_round("d", 3, [r for own in reports.values() for r in own], noise(SILENT))
    assert np.abs(told.gradient - GRADIENT).max() < 30 / SLOPE_SCALE
    assert np.allclose(told.losses, 0.5, atol=1e-6)


def test_noise_has_the_spread_that_the_rules_ask_for() -> None:
    rules = DpRules(clients=1000, sampling_rate=0.1, noise_multiplier=2.0)
    told = noised_round("d", 3, [], noise(rules))
    # Per column 100 * 8 / 128 reports are expected; the transform keeps the spread.
    wanted = 2.0 * np.sqrt(1 + LOSS_SHARE**2) / (100 * 8 / 128)
    # 1280 numbers: their deviation is known to 2 %.
    assert told.gradient[:, :128].std() == pytest.approx(wanted, rel=0.08)


def test_other_inputs_give_other_noise_and_the_same_ones_the_same() -> None:
    rules = DpRules(clients=100, sampling_rate=0.1)
    one, same = (noised_round("d", 3, [], noise(rules)) for _ in range(2))
    other = noised_round("d", 3, [], noise(rules, inputs="without a client"))
    assert one.gradient.tobytes() == same.gradient.tobytes()
    assert not np.isclose(one.gradient, other.gradient).any()


def test_late_insights_and_those_of_another_length_do_not_count() -> None:
    late, short = report("a", 0, version=2), report("b", 0)
    assert short.slopes is not None
    short = replace(short, slopes=short.slopes[:, :5])
    bare = bare_contribution("c", version=3)
    told = noised_round("d", 3, [late, short, bare], noise(SILENT))
    assert not told.gradient.any()
    assert (told.losses == 0).all()


def test_experts_that_nobody_runs_are_left_alone() -> None:
    told = noised_round("d", 3, [report("a", 0)], noise(DpRules(clients=10), experts=(0, 4)))
    others = [e for e in ALL if e not in (0, 4)]
    assert not told.gradient[others].any()
    assert np.isnan(told.losses[others]).all()


def test_a_loss_counts_at_most_its_clip() -> None:
    told = noised_round("d", 3, [report("a", 0, loss=1e9)], noise(SILENT))
    assert np.allclose(told.losses, SILENT.loss_clip / SILENT.expected)


def test_an_update_does_not_depend_on_the_order_and_moves_no_count_of_clients() -> None:
    engine, rules = OnlineMAMLEngine(), DpRules(clients=100, sampling_rate=0.1)
    family = engine.start_family(3)
    state = engine.start("d", family, {})
    clients = [report(f"c{i}", i, version=0) for i in range(5)]
    after, _, told = update_noised(engine, "d", state, family, clients, noise(rules))
    again, _, _ = update_noised(engine, "d", state, family, clients[::-1], noise(rules))
    fewer, _, _ = update_noised(engine, "d", state, family, clients[:2], noise(rules))
    assert after.z.tobytes() == again.z.tobytes()
    assert after.insights == fewer.insights == 10
    assert (after.version, told.used, told.reverted) == (1, 5, False)
    assert np.isfinite(after.z).all()
