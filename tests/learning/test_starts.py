from dataclasses import replace

import numpy as np
from tests.learning.rounds import bare_contribution

from scarcity.learning.contribution import Contribution
from scarcity.learning.initial import default_z
from scarcity.learning.meta_states import FamilyState
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.learning.starts import base_start, choose_start, starting_points

ENGINE = OnlineMAMLEngine()
NEW = ENGINE.start_family(3)


def _taught(inputs: int) -> FamilyState:
    z0 = default_z(inputs)
    z0[:, :64], z0[:, 64:128], z0[:, -1] = 7.0, 2.0, -3.0
    return replace(ENGINE.start_family(inputs), z0=z0, updates=5)


def _reports(losses: dict[str, list[float]]) -> list[Contribution]:
    clients = zip(*losses.values(), strict=True)
    return [
        replace(
            bare_contribution(str(i)),
            candidate_losses={
                name: np.full(10, loss) for name, loss in zip(losses, values, strict=True)
            },
        )
        for i, values in enumerate(clients)
    ]


def test_the_very_first_domain_has_nothing_to_try() -> None:
    assert starting_points(NEW, {"other": ENGINE.start_family(5)}) == {}


def test_a_taught_family_is_tried_first_and_the_default_beside_it() -> None:
    candidates = starting_points(_taught(3), {})
    assert list(candidates) == ["family", "default"]
    assert base_start(candidates) == "family"


def test_another_family_lends_its_variances_but_not_its_weights() -> None:
    candidates = starting_points(NEW, {"banks": _taught(5)})
    assert list(candidates) == ["default", "from-banks"]
    borrowed = candidates["from-banks"]
    assert not borrowed[:, :64].any()
    assert (borrowed[:, 64:128] == 2.0).all()
    assert (borrowed[:, -1] == -3.0).all()


def test_the_best_by_median_wins_whatever_a_minority_says() -> None:
    candidates = starting_points(NEW, {"banks": _taught(5)})
    losses = {"default": [1.0] * 5, "from-banks": [0.9, 0.9, 0.9, 1e6, 1e6]}
    assert choose_start(candidates, _reports(losses)) == "from-banks"
    losses = {"default": [1.0] * 5, "from-banks": [1.1, 1.1, 1.1, 0.0, 0.0]}
    assert choose_start(candidates, _reports(losses)) == "default"


def test_the_base_stays_on_a_tie_and_when_no_one_tried() -> None:
    candidates = starting_points(_taught(3), {})
    tie = {"family": [1.0, 1.0], "default": [1.0, 1.0]}
    assert choose_start(candidates, _reports(tie)) == "family"
    assert choose_start(candidates, [bare_contribution()]) == "family"
