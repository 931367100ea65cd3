import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.learning.mixing import PeerHysteresis, clip_deviation, dequantise, mix, quantise

RNG = np.random.default_rng(0)
SERVER = RNG.normal(size=(10, 64))


def _near(radius: float) -> npt.NDArray[np.float64]:
    direction = RNG.normal(size=(10, 64))
    norms = np.linalg.norm(direction, axis=1, keepdims=True)
    near: npt.NDArray[np.float64] = SERVER + radius * direction / norms
    return near


@pytest.mark.parametrize("members", [2, 3, 8])
def test_a_group_keeps_its_mean_when_all_exchange_at_once(members: int) -> None:
    thetas = [_near(0.2) for _ in range(members)]
    mixed = [
        mix(own, SERVER, [peer for j, peer in enumerate(thetas) if j != i])
        for i, own in enumerate(thetas)
    ]
    assert np.allclose(np.mean(mixed, axis=0), np.mean(thetas, axis=0))
    assert np.var(mixed, axis=0).sum() < np.var(thetas, axis=0).sum()


def test_a_hostile_peer_moves_an_expert_by_half_the_radius_at_most() -> None:
    own = SERVER.copy()
    moved = mix(own, SERVER, [SERVER + 1e9], radius=0.3) - own
    assert np.allclose(np.linalg.norm(moved, axis=1), 0.15)


def test_without_peers_nothing_moves() -> None:
    own = _near(0.1)
    assert mix(own, SERVER, []) is own


def test_the_clip_leaves_small_deviations_alone() -> None:
    deviation = _near(0.29) - SERVER
    assert np.allclose(clip_deviation(deviation), deviation)


def test_int8_is_unbiased_and_off_by_less_than_a_level() -> None:
    deviation = RNG.normal(size=(10, 64))
    copies = []
    for _ in range(400):
        levels, scales = quantise(deviation, RNG.uniform(size=(10, 64)))
        copies.append(dequantise(levels, scales))
        assert (np.abs(copies[-1] - deviation) <= scales[:, None] * (1 + 1e-9)).all()
    # A rounding error's deviation is at most half a level; the mean of 400 is 20 times smaller.
    bias = np.abs(np.mean(copies, axis=0) - deviation)
    assert (bias < 6 * scales[:, None] / 2 / 20).all()


def test_no_deviation_costs_no_level() -> None:
    levels, scales = quantise(np.zeros((10, 64)), np.full((10, 64), 0.999))
    assert not levels.any()
    assert not dequantise(levels, scales).any()


def test_two_bad_exchanges_evict_and_good_ones_bring_back() -> None:
    # EMA(.7): one exchange at -10 % gives -3 %, below -2 %; two in a row evict.
    peers = PeerHysteresis().observe("b", -0.1)
    assert not peers.evicted
    peers = peers.observe("b", -0.1)
    assert peers.evicted == {"b"}
    assert peers.evictions == 1
    # -5.1 % -> -3.57 -> -2.5 -> -1.75 -> -1.22 -> -.86 -> -.6 -> -.42 %: the seventh readmits.
    for _ in range(6):
        peers = peers.observe("b", 0.0)
        assert peers.evicted
    peers = peers.observe("b", 0.0)
    assert not peers.evicted
    assert peers.readmissions == 1


def test_one_bad_exchange_among_good_ones_does_not_evict() -> None:
    peers = PeerHysteresis().observe("b", -0.1).observe("b", 0.05).observe("b", -0.01)
    assert not peers.evicted


def test_a_disaster_is_vetoed_at_once() -> None:
    peers = PeerHysteresis()
    assert not peers.listens_to("b", -0.26)
    assert peers.listens_to("b", -0.24)
    assert not peers.listens_to("b", float("nan"))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_no_gain_breaks_the_record(gains: list[float]) -> None:
    peers = PeerHysteresis()
    for gain in gains:
        peers = peers.observe("b", gain)
    assert peers.evictions - peers.readmissions == len(peers.evicted)
