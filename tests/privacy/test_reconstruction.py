"""Can the server get rows back? It must be able to with the budget off, and not with it on."""

from statistics import fmean

import pytest
import torch

from scarcity.simulation.attacks.victims import ONE_EXPERT, make_victim

VICTIMS = range(6)


def test_without_a_budget_eight_rounds_give_the_rows_back() -> None:
    # 4 rows of 6 columns and a target are 28 numbers; 8 rounds of 8 slopes and a loss are 72.
    errors = []
    for seed in VICTIMS:
        victim = make_victim(seed, privacy="open")
        guess = victim.attack(experts=ONE_EXPERT, only_slopes_and_loss=True)
        assert guess.numbers == 72
        errors.append(guess.error(victim.rows))
    assert sum(error < 0.1 for error in errors) >= 5, errors


def test_with_the_budget_on_no_slope_is_published() -> None:
    victim = make_victim(0, privacy="budget")
    # A quarter of 4 rows times 7 columns; the smallest insight with slopes has 100 numbers.
    assert victim.limit == 7
    experts = [e for one in victim.published for e in one.insight.expert_insights.values()]
    assert all(expert.slopes is None for expert in experts)


def test_with_the_budget_on_the_same_attack_is_no_better_than_guessing_the_mean() -> None:
    errors, guesses = [], []
    for seed in VICTIMS:
        victim = make_victim(seed, privacy="budget")
        guess = victim.attack(experts=ONE_EXPERT, only_slopes_and_loss=True, noise=1e-2)
        assert guess.numbers == 8
        errors.append(guess.error(victim.rows))
        guesses.append(victim.mean_guess_error)
    assert fmean(errors) >= 0.9 * fmean(guesses), (errors, guesses)


@pytest.mark.xfail(
    reason="losses go on after the budget is spent, and those of several experts are equations too"
)
def test_with_the_budget_on_all_that_is_published_gives_no_row_back() -> None:
    victim = make_victim(0, privacy="budget")
    guess = victim.attack(
        experts=(2, 4, 6, 8), only_slopes_and_loss=False, starts=12, iterations=60
    )
    assert guess.error(victim.rows) >= 0.9 * victim.mean_guess_error


def test_a_guess_is_the_same_every_time() -> None:
    victim = make_victim(1, privacy="open", rounds=3)
    guesses = [
        victim.attack(experts=ONE_EXPERT, only_slopes_and_loss=True, starts=2, iterations=8)
        for _ in range(2)
    ]
    assert torch.equal(guesses[0].rows, guesses[1].rows)
