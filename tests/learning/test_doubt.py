from dataclasses import replace

import numpy as np
import pytest
from tests.learning.rounds import bare_contribution
from tests.learning.test_agreement import STEP, _says

from scarcity.learning.doubt import raise_doubts, trust
from scarcity.learning.settings import TRUST_SCALE, LearningSettings

RULES = LearningSettings()


def _after(doubts: dict[str, float], *agreeing: bool) -> dict[str, float]:
    told = [replace(_says(0.3, 0.2 if fits else -0.2), client_id="a") for fits in agreeing]
    return raise_doubts("d", 1, STEP, told, doubts, RULES)


def test_a_contradiction_adds_itself_and_the_drift() -> None:
    # Agreement -1: 1 + .15 more.
    assert _after({"a": 0.5}, False) == pytest.approx({"a": 1.65})


def test_an_agreement_lowers_doubt_and_zero_is_forgotten() -> None:
    assert _after({"a": 2.0, "b": 1.0}, True) == pytest.approx({"a": 1.15, "b": 1.0})
    assert _after({"a": 0.5}, True) == {}


def test_doubt_stops_growing() -> None:
    assert _after({"a": 5.9}, False) == {"a": RULES.doubt_most}


def test_the_largest_doubts_are_kept() -> None:
    rules = replace(RULES, doubts_kept=2)
    doubts = {"x": 0.3, "y": 0.1, "z": 0.2}
    assert raise_doubts("d", 1, STEP, [], doubts, rules) == {"x": 0.3, "z": 0.2}


def test_trust_falls_from_all_to_nothing_between_two_doubts() -> None:
    told = [bare_contribution(name) for name in "abcd"]
    counts = trust(told, {"b": 1.0, "c": 1.5, "d": 2.0}, RULES)
    assert counts.tolist() == [TRUST_SCALE, TRUST_SCALE, TRUST_SCALE // 2, 0]


def test_when_nobody_is_trusted_everybody_counts() -> None:
    told = [bare_contribution(name) for name in "ab"]
    assert trust(told, {"a": 6.0, "b": 6.0}, RULES).tolist() == [TRUST_SCALE] * 2
    assert trust([], {}, RULES).tolist() == []
    assert trust(told, {}, RULES).dtype == np.int64
