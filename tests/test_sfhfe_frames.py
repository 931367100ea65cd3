"""pandas in and out of the notebook façade, and what its objects say of themselves."""

import numpy as np
import pandas as pd
import pytest
from tests.test_sfhfe import data, trio

from scarcity.events.errors import InputError
from scarcity.sfhfe import SFHFEClient, SFHFEServer


@pytest.fixture(scope="module")
def server() -> SFHFEServer:
    made, clients = SFHFEServer(), trio()
    for _ in range(3):
        made.run_communication_round(clients)
    return made


def table(seed: int = 1) -> pd.DataFrame:
    x, y = data(seed)
    return pd.DataFrame({"price": x[:, 0], "sales": y, "week": x[:, 1], "size": x[:, 2]})


def test_a_frame_comes_back_as_it_went_in() -> None:
    frame = table()
    client = SFHFEClient("shop", frame, "retail", target="sales")
    assert client.columns == ("price", "week", "size", "sales")
    pd.testing.assert_frame_equal(client.to_pandas(), frame[list(client.columns)])


def test_a_frame_is_predicted_by_the_names_of_its_columns() -> None:
    client = SFHFEClient("shop", table(), "retail", target="sales")
    asked = table(7).set_index(pd.Index(range(100, 124)))[["week", "size", "sales", "price"]]
    told = client.predict(asked)
    assert (told.name, list(told.index)) == ("sales", list(asked.index))
    by_place = client.predict(asked[["price", "week", "size"]].to_numpy())
    np.testing.assert_array_equal(told.to_numpy(), by_place)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (table().drop(columns=["size", "week"]), "lacks columns: week, size"),
        (np.ones((2, 4)), r"want rows \[n, 3\]; got \(2, 4\)"),
        ([["a", "b", "c"]], "not all numbers"),
        (np.array([[1.0, np.nan, 2.0]]), "not finite"),
    ],
)
def test_rows_that_cannot_be_predicted_are_refused(asked: object, message: str) -> None:
    client = SFHFEClient("shop", table(), "retail", target="sales")
    with pytest.raises(InputError, match=message):
        client.predict(asked)


def test_the_rounds_are_a_table(server: SFHFEServer) -> None:
    frame = server.to_pandas()
    assert list(frame["round"]) == [1, 1, 2, 2, 3, 3]
    last = frame[(frame["round"] == 3) & (frame["domain"] == "economic")].iloc[0]
    assert (last["version"], last["exchanges"], last["waiting"]) == (3, 2, 1)
    assert last["mean_loss"] == server.history[-1].mean_losses["economic"]
    assert last["training_s"] == server.history[-1].phases_s["training"]
    pd.testing.assert_frame_equal(
        server.history[0].to_pandas(), frame[frame["round"] == 1].reset_index(drop=True)
    )


def test_a_server_without_rounds_has_an_empty_table() -> None:
    frame = SFHFEServer().to_pandas()
    assert (len(frame), frame["mean_loss"].dtype) == (0, np.float64)
    assert SFHFEServer().clients_to_pandas().empty


def test_the_clients_of_the_memory_are_a_table(server: SFHFEServer) -> None:
    frame = server.clients_to_pandas().set_index("client_id")
    assert list(frame.index) == ["A", "C", "B"]
    assert list(frame["accepted"]) == [3, 3, 3]
    held = server.global_memory.client("A")
    assert held is not None
    assert frame.loc["A", "expert_9"] == held.experts["expert_9"].ewma


def test_the_experts_of_a_client_are_a_table() -> None:
    client = SFHFEClient("shop", table(), "retail", target="sales")
    losses = client.train_experts()
    frame = client.experts_to_pandas()
    assert frame["loss"].to_dict() == losses
    assert frame["domain_loss"].isna().all()  # no server has told it any
    assert frame.index.name == "expert"


def test_objects_tell_themselves_in_one_short_line(server: SFHFEServer) -> None:
    client = SFHFEClient("shop", table(), "retail", target="sales")
    assert repr(client) == (
        "SFHFEClient('shop', retail: 24 rows, 3 features, version 0, not trained yet)"
    )
    assert repr(server) == (
        "SFHFEServer(round 3, domains: economic v3, medical v3, 3 clients heard)"
    )
    told = repr(server.history[-1])
    assert told.startswith("RoundResult(round 3, economic v3 loss ")
    assert "2 exchanges, 1 waiting" in told
    assert len(told) < 160
