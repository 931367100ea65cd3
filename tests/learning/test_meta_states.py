from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from tests.learning.rounds import honest_round, some_batch

from scarcity.learning.meta_states import DomainState, FamilyState
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.learning.tensors import from_payload, to_payload


def _over_the_wire(
    tensors: dict[str, npt.NDArray[np.generic]],
) -> dict[str, npt.NDArray[np.generic]]:
    return {name: from_payload(to_payload(array)) for name, array in tensors.items()}


def _bytes(written: tuple[dict[str, npt.NDArray[np.generic]], dict[str, float]]) -> object:
    tensors, scalars = written
    return {name: array.tobytes() for name, array in tensors.items()}, scalars


def test_a_restart_goes_on_with_the_same_bytes() -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * 12)
    family = engine.start_family(3)
    state = engine.start("test", family, {})
    for number in range(12):
        tensors, scalars = state.to_tensors()
        restored = DomainState.from_tensors(_over_the_wire(tensors), scalars)
        tensors, scalars = family.to_tensors()
        restored_family = FamilyState.from_tensors(_over_the_wire(tensors), scalars)
        heard = honest_round(batch, state, number)
        again, family_again, _ = engine.update("test", restored, restored_family, heard)
        state, family, _ = engine.update("test", state, family, heard)
        assert _bytes(again.to_tensors()) == _bytes(state.to_tensors())
        assert _bytes(family_again.to_tensors()) == _bytes(family.to_tensors())


def test_candidates_survive_a_restart() -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * 12)
    family = engine.start_family(3)
    state = engine.start("test", family, {})
    _, family, _ = engine.update("test", state, family, honest_round(batch, state, 0))
    second = engine.start("second", family, {})
    back = DomainState.from_tensors(*second.to_tensors())
    assert list(back.candidates) == ["family", "default"]
    assert back.previous_z is None


def test_doubts_and_losses_of_the_start_survive_a_restart() -> None:
    engine, batch = OnlineMAMLEngine(), some_batch([9] * 12)
    family = engine.start_family(3)
    state = engine.start("test", family, {})
    state, _, _ = engine.update("test", state, family, honest_round(batch, state, 0))
    back = DomainState.from_tensors(*replace(state, doubts={"shop-7": 1.25}).to_tensors())
    assert back.doubts == {"shop-7": 1.25}
    assert np.array_equal(back.start_losses, state.domain_losses)


def test_a_state_with_a_tensor_missing_is_refused() -> None:
    tensors, scalars = OnlineMAMLEngine().start_family(3).to_tensors()
    del tensors["z0"]
    with pytest.raises(KeyError, match="z0"):
        FamilyState.from_tensors(tensors, scalars)
