import numpy as np
import pytest
from tests.learning.rounds import bare_contribution

from scarcity.learning.gate import excess_of_worse, relative_change
from scarcity.learning.settings import TRUST_SCALE, LearningSettings

SETTINGS = LearningSettings()


def test_the_excess_is_the_share_of_worse_clients_less_a_half_and_a_margin() -> None:
    votes = [bare_contribution(str(i), loss=2.0, before=1.0) for i in range(12)]
    votes += [bare_contribution(str(i), loss=1.0, before=2.0) for i in range(12, 16)]
    # 12 of 16 got worse; the margin is .5 / sqrt(16).
    assert excess_of_worse(0, votes, SETTINGS) == pytest.approx(12 / 16 - 0.5 - 0.125)


def test_a_client_whose_loss_did_not_change_votes_for_half() -> None:
    votes = [bare_contribution(str(i), loss=1.0, before=1.0) for i in range(4)]
    # The margin alone: .5 / sqrt(4).
    assert excess_of_worse(0, votes, SETTINGS) == pytest.approx(-0.25)


def test_a_client_that_is_not_trusted_does_not_vote() -> None:
    votes = [bare_contribution(str(i), loss=2.0, before=1.0) for i in range(8)]
    votes += [bare_contribution(str(i), loss=1.0, before=2.0) for i in range(8, 12)]
    counts = np.array([0] * 8 + [TRUST_SCALE] * 4)
    # All four that count got better.
    assert excess_of_worse(0, votes, SETTINGS, counts) == pytest.approx(0 - 0.5 - 0.25)


def test_insights_on_other_versions_or_without_a_pair_do_not_vote() -> None:
    votes = [bare_contribution(str(i), before=2.0, version=1) for i in range(9)]
    votes += [bare_contribution(str(i), version=2) for i in range(9)]
    assert excess_of_worse(2, votes, SETTINGS) is None


def test_too_few_votes_say_nothing() -> None:
    votes = [bare_contribution(str(i), before=0.5) for i in range(SETTINGS.gate_min_clients - 1)]
    assert excess_of_worse(0, votes, SETTINGS) is None


def test_an_expert_that_one_side_lacks_has_no_vote() -> None:
    assert relative_change(np.array([np.nan, 1.0]), np.array([1.0, 3.0])) == -0.5
    assert relative_change(np.array([0.0]), np.array([0.0])) == 0.0


def test_one_expert_with_huge_losses_does_not_outvote_the_others() -> None:
    assert relative_change(np.array([1e6, 1.0, 1.0]), np.array([1.0, 3.0, 3.0])) <= 0.0
