"""Pacing: impossible values, and who is drawn."""

import pytest

from scarcity.client.settings import Pacing
from scarcity.events.errors import InputError

NAMES = [f"c{i}" for i in range(10)]


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_must_be_positive(interval_s: float) -> None:
    with pytest.raises(InputError, match="--interval-s"):
        Pacing(interval_s=interval_s)


def test_at_least_one_client_takes_part() -> None:
    with pytest.raises(InputError, match="--clients-per-round 0"):
        Pacing(clients_per_round=0)


def test_everyone_takes_part_unless_told_otherwise() -> None:
    assert Pacing().draw(NAMES, "x") == NAMES


def test_a_draw_holds_each_client_once_and_depends_on_the_seed() -> None:
    pacing = Pacing(clients_per_round=4)
    first = pacing.draw(NAMES, "x")
    assert len(set(first)) == 4
    assert first == pacing.draw(NAMES, "x")
    assert {c for seed in range(50) for c in pacing.draw(NAMES, str(seed))} == set(NAMES)
