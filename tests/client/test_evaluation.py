import pytest
import torch

from scarcity.client.evaluation import NewClients
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z

MAPS = feature_maps("test", 1)
UNHEARD = torch.full((10,), torch.nan, dtype=torch.float64)


def _line(slope: float, offset: float, rows: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)[:, None]
    return x, slope * x[:, 0] + offset


def _start(theta: tuple[float, float], log_lambda: float) -> torch.Tensor:
    """Every expert starts from the line theta = (offset, slope), all variances alike."""
    z = torch.from_numpy(default_z(1))
    z[:, :2] = torch.tensor(theta, dtype=torch.float64)
    z[:, 64:128] = log_lambda
    return z


def test_the_right_prior_beats_every_local_model_on_few_rows() -> None:
    clients = {str(i): _line(2.0, 0.1 * i) for i in range(6)}
    new = NewClients(MAPS, clients, support_rows=1)
    scores = new.score(_start((0.2, 2.0), -4.0), UNHEARD)
    assert scores.routed < 0.1 * new.own_ridge <= 0.1 * new.own_mean
    assert scores.uniform < 0.1 * new.own_ridge


def test_clients_of_a_ruined_domain_do_as_well_as_from_the_default_start() -> None:
    clients = {str(i): _line(2.0, 0.1 * i) for i in range(6)}
    new = NewClients(MAPS, clients, support_rows=5)
    scores = new.score(_start((20.0, -30.0), -8.0), UNHEARD)
    assert scores.domain_routed > 100 * new.own_start
    assert scores.routed == pytest.approx(new.own_start, rel=0.05)


def test_own_baselines_are_what_they_say() -> None:
    # Half the rows at 0, half at 2, one support row: the error is 0 or 4, mean over the query
    # 4 * 6 / 11, whichever row was dealt.
    x = torch.zeros(12, 1, dtype=torch.float64)
    y = torch.tensor([0.0, 2.0] * 6, dtype=torch.float64)
    new = NewClients(MAPS, {"a": (x, y)}, support_rows=1)
    assert new.own_mean == pytest.approx(4 * 6 / 11)
    # Ridge may shrink that mean to 0, hence is at least as good.
    assert new.own_ridge <= new.own_mean + 1e-9


def test_an_exact_line_is_found_by_the_own_ridge() -> None:
    new = NewClients(MAPS, {"a": _line(3.0, 1.0), "b": _line(-1.0, 0.0)}, support_rows=6)
    assert new.own_ridge < 1e-3 < new.own_mean


def test_routing_prefers_the_experts_that_the_domain_found_good() -> None:
    new = NewClients(MAPS, {"a": _line(1.0, 0.0)}, support_rows=6)
    losses = torch.ones(10, dtype=torch.float64)
    losses[4] = 0.1
    scores = new.score(_start((0.0, 0.0), 0.0), losses)
    assert max(scores.routing) == scores.routing[4]
    assert sum(scores.routing) == pytest.approx(1.0)
    assert len(scores.expert_errors) == 10


def test_clients_without_a_query_row_are_left_out() -> None:
    short, long = _line(1.0, 0.0, rows=3), _line(1.0, 0.0, rows=9)
    assert NewClients(MAPS, {"a": short, "b": long}, support_rows=3).count == 1
    with pytest.raises(ValueError, match="more than 3 rows"):
        NewClients(MAPS, {"a": short}, support_rows=3)
