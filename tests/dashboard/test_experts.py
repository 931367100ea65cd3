from math import exp

import pytest
from tests.dashboard.feeding import floats

from scarcity.dashboard.experts import learning_rates, losses, routing, rows
from scarcity.events.tensor import TensorPayload


def test_learning_rates_are_geometric_means_by_expert() -> None:
    assert learning_rates(floats(3, 4, value=-1.0)) == pytest.approx([exp(-1)] * 3)


@pytest.mark.parametrize("value", [float("nan"), 800.0])
def test_a_rate_that_is_no_number_is_not_known(value: float) -> None:
    assert learning_rates(floats(1, 2, value=value)) == [None]


def test_tensors_of_another_kind_tell_nothing() -> None:
    assert rows(TensorPayload((2,), "int8", b"ab")) == []
    assert learning_rates(TensorPayload((0, 0), "float64", b"")) == []
    assert losses(None) == []


def test_routing_is_the_one_of_the_clients() -> None:
    torch = pytest.importorskip("torch")
    from scarcity.learning.routing import routing_weights

    told = [0.5, 0.2, 0.9, 0.4, 0.3]
    tensor = torch.tensor(told, dtype=torch.float64)
    assert routing(told) == pytest.approx(routing_weights(tensor, tensor).tolist())


def test_an_expert_that_nobody_heard_has_no_weight() -> None:
    assert routing([None, 0.3, None]) == [None, 1.0, None]
    assert routing([None]) == [None]
