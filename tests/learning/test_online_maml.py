from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.rounds import bare_contribution, honest_round, some_batch

from scarcity.learning.client_step import Draw, RowBatch, query_losses, split_rows
from scarcity.learning.initial import default_z
from scarcity.learning.meta_states import DomainState, FamilyState
from scarcity.learning.online_maml import Contribution, LearningSettings, OnlineMAMLEngine

CLIENTS = 20
UNIT = 2**20


def _begin(engine: OnlineMAMLEngine) -> tuple[DomainState, FamilyState]:
    family = engine.start_family(3)
    return engine.start("test", family, {}), family


def _loss(batch: RowBatch, z: npt.NDArray[np.float64]) -> float:
    draws = [Draw(f"client-{i}", 10_000) for i in range(len(batch.counts))]
    return float(query_losses(split_rows(batch, draws, 5), torch.from_numpy(z)).mean())


def _poison(honest: list[Contribution], share: float) -> list[Contribution]:
    """Colluders push against the honest direction as hard as admission lets them."""
    count = int(share * len(honest))
    hostile = [
        replace(c, slopes=None if c.slopes is None else -100 * c.slopes) for c in honest[:count]
    ]
    return [*hostile, *honest[count:]]


def _learn(
    engine: OnlineMAMLEngine, batch: RowBatch, rounds: int, *, poison: float = 0.0
) -> DomainState:
    state, family = _begin(engine)
    for number in range(rounds):
        heard = _poison(honest_round(batch, state, number), poison)
        state, family, _ = engine.update("test", state, family, heard)
    return state


def test_version_zero_is_the_default_and_rounds_count_up() -> None:
    engine = OnlineMAMLEngine()
    state, family = _begin(engine)
    assert np.array_equal(state.z, default_z(3))
    after, family, report = engine.update("test", state, family, [bare_contribution(slope=UNIT)])
    assert (state.version, after.version) == (0, 1)
    assert after.previous_z is not None
    assert np.array_equal(after.previous_z, state.z)
    assert (report.used, report.ignored, report.reverted, report.start) == (1, 0, False, "")
    assert family.updates == 1


def test_losses_after_adaptation_fall() -> None:
    batch = some_batch([9] * CLIENTS)
    state = _learn(OnlineMAMLEngine(), batch, 60)
    others = some_batch([9] * CLIENTS, seed=1)
    assert _loss(batch, state.z) < 0.5 * _loss(batch, default_z(3))
    assert _loss(others, state.z) < 0.7 * _loss(others, default_z(3))


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(CLIENTS)))
def test_the_order_of_insights_does_not_change_a_byte(order: list[int]) -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * CLIENTS)
    state, family = _begin(engine)
    for number in range(2):
        heard = honest_round(batch, state, number)
        shuffled = [heard[i] for i in order]
        one = engine.update("test", state, family, heard)
        other = engine.update("test", state, family, shuffled)
        assert one[0].z.tobytes() == other[0].z.tobytes()
        assert one[0].cap.tobytes() == other[0].cap.tobytes()
        assert one[0].domain_losses.tobytes() == other[0].domain_losses.tobytes()
        assert one[1].z0.tobytes() == other[1].z0.tobytes()
        assert one[2].mean_loss == other[2].mean_loss
        state, family, _ = one


def test_a_first_step_has_the_length_of_the_rate() -> None:
    # Adam's first step is the gradient's sign: z0 moves by the rate, delta by half of it.
    rules = LearningSettings(rate=0.02)
    engine = OnlineMAMLEngine(rules)
    state, family = _begin(engine)
    after, family, _ = engine.update("test", state, family, [bare_contribution(slope=UNIT)])
    rate = engine.rate(insights=1, version=0)
    moved = np.abs(after.z - state.z)
    assert np.allclose(moved[moved > 0], 1.5 * rate, rtol=1e-5)
    assert np.allclose(np.abs(after.family_step).max(), rate, rtol=1e-5)


def test_insights_without_slopes_inform_routing_and_move_nothing() -> None:
    engine = OnlineMAMLEngine()
    state, family = _begin(engine)
    after, after_family, report = engine.update(
        "test", state, family, [bare_contribution(loss=0.5)]
    )
    assert np.array_equal(after.z, state.z)
    assert after_family == family
    assert after.domain_losses.tolist() == [0.5] * 10
    assert report.mean_loss == 0.5


def test_insights_from_the_future_or_too_old_are_ignored() -> None:
    engine = OnlineMAMLEngine(LearningSettings(max_staleness=3))
    state, family = _begin(engine)
    state = replace(state, version=10)
    heard = [bare_contribution(str(v), version=v, slope=UNIT) for v in (6, 7, 10, 11)]
    _, _, report = engine.update("test", state, family, heard)
    assert (report.used, report.ignored) == (2, 2)
    assert report.mean_staleness_versions == 1.5


def test_a_round_of_nothing_but_ignored_insights_moves_nothing() -> None:
    engine = OnlineMAMLEngine()
    state, family = _begin(engine)
    after, _, report = engine.update(
        "test", state, family, [bare_contribution(version=4, slope=UNIT)]
    )
    assert np.array_equal(after.z, state.z)
    assert report.mean_loss is None
    assert np.isnan(after.domain_losses).all()


def test_an_empty_round_is_refused() -> None:
    engine = OnlineMAMLEngine()
    with pytest.raises(ValueError, match="at least one contribution"):
        engine.update("test", *_begin(engine), [])


def test_a_step_that_hurt_most_clients_is_taken_back() -> None:
    engine = OnlineMAMLEngine()
    first, family = _begin(engine)
    good = [bare_contribution(str(i), slope=UNIT) for i in range(8)]
    second, moved_family, _ = engine.update("test", first, family, good)
    worse = [
        bare_contribution(str(i), loss=2.0, before=1.0, slope=UNIT, version=1) for i in range(8)
    ]
    third, family_after, report = engine.update("test", second, moved_family, worse)
    assert report.reverted
    assert np.array_equal(third.z, first.z)
    assert np.allclose(family_after.z0, family.z0, atol=1e-15)
    assert not third.adam.mean.any()
    assert third.step_scale == pytest.approx(0.7)
    # The taken-back version is judged against the harmful one, and goes on.
    assert third.previous_z is not None
    assert np.array_equal(third.previous_z, second.z)


def test_the_step_grows_back_after_good_rounds_and_never_vanishes() -> None:
    engine = OnlineMAMLEngine()
    state, family = _begin(engine)
    for _ in range(12):
        heard = [
            bare_contribution(str(i), loss=2.0, before=1.0, slope=UNIT, version=state.version)
            for i in range(8)
        ]
        state, family, _ = engine.update("test", state, family, heard)
    assert state.step_scale == pytest.approx(0.1)
    for _ in range(60):
        heard = [
            bare_contribution(str(i), loss=1.0, before=2.0, slope=UNIT, version=state.version)
            for i in range(8)
        ]
        state, family, _ = engine.update("test", state, family, heard)
    assert state.step_scale == 1.0


def test_a_colluding_fifth_ruins_the_undefended_and_not_the_defended() -> None:
    batch, rounds = some_batch([9] * CLIENTS), 60
    undefended = OnlineMAMLEngine(LearningSettings(trust=False, gate=False, cap_factor=1e9))
    before = _loss(batch, default_z(3))
    assert _loss(batch, _learn(undefended, batch, rounds, poison=0.2).z) > before
    assert _loss(batch, _learn(OnlineMAMLEngine(), batch, rounds, poison=0.2).z) < 0.7 * before


def test_trust_alone_tells_a_gang_from_the_honest() -> None:
    batch, gang = some_batch([9] * CLIENTS), {f"client-{i}" for i in range(CLIENTS // 5)}
    trusting = OnlineMAMLEngine(LearningSettings(gate=False, cap_factor=1e9))
    state = _learn(trusting, batch, 60, poison=0.2)
    out = {client for client, doubt in state.doubts.items() if doubt > 2.0}
    assert out == gang


def test_one_shouting_client_moves_the_start_no_further_than_the_median_client() -> None:
    engine = OnlineMAMLEngine()
    state, family = _begin(engine)
    calm = [bare_contribution(str(i), slope=UNIT) for i in range(9)]
    loud = bare_contribution("loud", slope=1000 * UNIT)
    as_loud, _, _ = engine.update("test", state, family, [*calm, loud])
    as_calm, _, _ = engine.update(
        "test", state, family, [*calm, replace(loud, slopes=calm[0].slopes)]
    )
    assert np.allclose(as_loud.z, as_calm.z, atol=1e-6)


def test_a_new_domain_of_a_family_starts_where_the_family_is() -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * CLIENTS)
    state, family = _begin(engine)
    for number in range(40):
        state, family, _ = engine.update("test", state, family, honest_round(batch, state, number))
    second = engine.start("second", family, {})
    others = some_batch([9] * CLIENTS, seed=2)
    assert np.array_equal(second.z, family.z0)
    assert _loss(others, second.z) < 0.7 * _loss(others, default_z(3))
    # Its clients try both starts, and keep the family's.
    chosen, _, report = engine.update("second", second, family, honest_round(others, second, 0))
    assert report.start == "family"
    assert not chosen.candidates


def test_domains_of_a_family_share_z0_and_keep_their_own_part() -> None:
    engine = OnlineMAMLEngine()
    one, family = _begin(engine)
    one, family, _ = engine.update("one", one, family, [bare_contribution(slope=UNIT)])
    other = replace(engine.start("other", family, {}), candidates={})
    other, family, _ = engine.update("other", other, family, [bare_contribution(slope=-UNIT)])
    assert np.allclose(other.z, family.z0 + other.delta, atol=1e-15)
    assert not np.array_equal(one.z, other.z)


def test_streaming_slows_down_with_the_insights_heard() -> None:
    engine = OnlineMAMLEngine(LearningSettings(mode="stream", stream_rate=0.01))
    assert engine.rate(insights=0, version=0) == 0.01
    # .01 / sqrt(1 + 6000 / 2000)
    assert engine.rate(insights=6000, version=9) == pytest.approx(0.005)
