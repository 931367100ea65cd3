"""The notebook façade: what a first-time user types."""

from itertools import count

import numpy as np
import pandas as pd
import pytest

from scarcity.events.errors import InputError
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.learning.initial import default_z
from scarcity.sfhfe import SFHFEClient, SFHFEServer


def data(seed: int, rows: int = 24, features: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one law that all clients of a domain share, but for their own intercept."""
    draw = np.random.default_rng(seed)
    x = 10 + 3 * draw.normal(size=(rows, features))
    y = x @ np.linspace(2.0, -1.0, features) + draw.normal() + 0.3 * draw.normal(size=rows)
    return x, y


def trio() -> list[SFHFEClient]:
    return [
        SFHFEClient("A", data(1), "economic"),
        SFHFEClient("B", data(2, features=2), "medical"),
        SFHFEClient("C", data(3), "economic"),
    ]


def random_z(inputs: int) -> np.ndarray:
    z = default_z(inputs)
    z[:, :64] = np.random.default_rng(0).normal(size=(10, 64))
    return z


def test_the_three_domains_example() -> None:
    server = SFHFEServer(num_experts=10)
    clients = trio()
    a, b, c = clients
    first = server.run_communication_round(clients)
    starts = {k.client_id: k.adaptation_loss(default_z(len(k.columns) - 1)) for k in clients}
    assert {e.client_id: e.mixed for e in first.exchanges} == {"A": ["C"], "C": ["A"]}
    assert first.waiting == {"B": "medical has 1 active client; gossip needs two"}
    for _ in range(39):
        result = server.run_communication_round(clients)
    assert server.communication_round == 40
    assert result.versions == {"economic": 40, "medical": 40}
    for client in clients:
        loss = client.adaptation_loss()
        assert loss < starts[client.client_id]
        assert loss < client.adaptation_loss(random_z(len(client.columns) - 1))
    assert (a.exchanges, b.exchanges, c.exchanges) == (40, 0, 40)
    assert set(result.phases_s) == {"gossip", "collection", "processing", "broadcast", "training"}


def test_the_five_phases_are_timed_in_their_order() -> None:
    ticks = count()
    server = SFHFEServer(clock=lambda: float(next(ticks)))
    result = server.run_communication_round(trio())
    assert result.phases_s == dict.fromkeys(
        ("gossip", "collection", "processing", "broadcast", "training"), 1.0
    )
    assert next(ticks) == 10  # a beginning and an end each


def test_the_steps_of_a_round_can_be_taken_one_by_one() -> None:
    server = SFHFEServer()
    clients = trio()
    for client in clients:
        losses = client.train_experts()
        assert list(losses) == [f"expert_{i}" for i in range(10)]
    plans, exchanges = server.coordinate_domain_gossip(clients)
    assert {p.client_id: p.status for p in plans} == {
        "A": "exchange",
        "B": "waiting",
        "C": "exchange",
    }
    assert len(exchanges) == 2
    insights = server.collect_insights(clients)
    assert [i.client_id for i in insights] == ["A", "B", "C"]
    assert len(server.global_memory) == 3
    assert server.process_insights() == {"economic": 1, "medical": 1}
    parameters = server.broadcast_meta_parameters(clients)
    assert {d: p.version for d, p in parameters.items()} == {"economic": 1, "medical": 1}
    assert clients[0].version.number == 1


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    SFHFEServer().run_communication_round(trio())
    assert capsys.readouterr().out == ""


def test_what_is_shown_of_objects_tells_their_state() -> None:
    server, clients = SFHFEServer(), trio()
    assert repr(server) == "SFHFEServer(round 0, domains: none, 0 clients heard)"
    assert repr(clients[1]) == (
        "SFHFEClient('B', medical: 24 rows, 2 features, version 0, not trained yet)"
    )
    result = server.run_communication_round(clients)
    assert repr(server) == (
        "SFHFEServer(round 1, domains: economic v1, medical v1, 3 clients heard)"
    )
    assert str(result).startswith("round 1: economic version 1 (mean loss ")
    assert "A mixed C" in str(result)
    assert str(result).endswith("B waits (medical has 1 active client; gossip needs two)")


def test_an_insight_before_the_server_is_known_carries_losses_alone() -> None:
    client = SFHFEClient("A", data(1), "economic")
    alone = client.extract_insights()
    assert all(e.slopes is None for e in alone.expert_insights.values())
    SFHFEServer().run_communication_round([client])
    joined = client.extract_insights()
    assert all(e.slopes is not None for e in joined.expert_insights.values())


def test_a_refused_insight_becomes_a_dead_letter_and_a_repeated_one_does_not_count() -> None:
    server = SFHFEServer()
    good = Insight("X", {"expert_0": ExpertInsight(0.5, 3)}, 0.5, 3, "economic", sequence=1)
    bad = Insight("X", {"expert_77": ExpertInsight(0.5, 3)}, 0.5, 3, "economic", sequence=2)
    assert server.receive_insights([good, bad, good]) == 1
    (parked,) = server.dead_letters
    assert dict(parked.headers)["dl_reason"] == b"unknown-expert"


def test_a_client_that_joins_later_starts_from_what_its_domain_learned() -> None:
    server, clients = SFHFEServer(), trio()
    for _ in range(5):
        server.run_communication_round(clients)
    late = SFHFEClient("D", data(4), "economic")
    server.run_communication_round([*clients, late])
    assert late.version.number == 6
    assert late.exchanges == 1


def test_two_clients_trade_without_a_server() -> None:
    a, _, c = trio()
    exchange = a.gossip_exchange([c])
    assert exchange is not None
    assert exchange.mixed == ["C"]


def test_clients_of_different_domains_do_not_trade() -> None:
    a, b, _ = trio()
    with pytest.raises(InputError, match=r"'A' \(economic\) cannot trade with 'B' \(medical\)"):
        a.gossip_exchange([b])


def test_a_frame_names_its_columns_and_a_client_predicts_on_the_targets_own_scale() -> None:
    x, y = data(5, rows=60)
    frame = pd.DataFrame(x, columns=["age", "rate", "size"]).assign(cost=1000 + 100 * y)
    client = SFHFEClient("A", frame, "economic", target="cost")
    assert client.columns == ("age", "rate", "size", "cost")
    SFHFEServer().run_communication_round([client])
    predicted = client.predict(frame[["age", "rate", "size"]])
    errors = predicted - frame["cost"]
    assert np.mean(errors**2) < 0.1 * np.var(frame["cost"])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((np.ones((3, 2)), np.ones(4)), r"want x \[n, features\] and y \[n\]"),
        ((np.ones((1, 2)), np.ones(1)), "want 2 rows or more"),
        ((np.ones((3, 63)), np.ones(3)), "1 to 62 features"),
        ((np.full((3, 2), np.nan), np.ones(3)), "not finite"),
        (([["a"], ["b"]], [1, 2]), "not all numbers"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(bad: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SFHFEClient("A", bad, "economic")


def test_a_client_with_other_columns_than_its_domain_is_refused() -> None:
    wide, narrow = (SFHFEClient(str(n), data(1, features=n), "economic") for n in (3, 2))
    with pytest.raises(InputError, match="different columns"):
        SFHFEServer().run_communication_round([wide, narrow])
    server = SFHFEServer()
    server.run_communication_round([wide])
    with pytest.raises(InputError, match="client '2' has columns"):
        server.run_communication_round([wide, narrow])


def test_two_clients_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="a name of its own"):
        SFHFEServer().run_communication_round([*trio(), *trio()])


def test_another_number_of_experts_is_refused() -> None:
    with pytest.raises(ValueError, match="num_experts must be 10"):
        SFHFEServer(num_experts=3)
