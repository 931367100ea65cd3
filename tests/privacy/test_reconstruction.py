"""Can the server get rows back? It must be able to with the budget off, and not with it on."""

from statistics import fmean

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


def test_with_the_budget_on_the_same_client_publishes_nothing() -> None:
    victim = make_victim(0, privacy="budget")
    # A quarter of 4 rows times 7 columns is 7; the losses of ten experts are 10 numbers.
    assert (victim.limit, victim.spent, victim.published) == (7, 0, [])
    guess = victim.attack(experts=ONE_EXPERT, only_slopes_and_loss=True)
    assert guess.error(victim.rows) == victim.mean_guess_error


def test_with_the_budget_on_all_that_a_larger_client_publishes_gives_no_row_back() -> None:
    # 24 rows of 7 columns: 42 numbers; 10 losses in the first round, then 10 and 10 before.
    errors, guesses = [], []
    for seed in range(1):
        victim = make_victim(seed, privacy="budget", rows=24)
        assert victim.limit == 42
        assert victim.spent == 30
        guess = victim.attack(
            experts=tuple(range(10)), only_slopes_and_loss=False, starts=3, iterations=15
        )
        assert guess.numbers == 30
        errors.append(guess.error(victim.rows))
        guesses.append(victim.mean_guess_error)
    assert fmean(errors) >= 0.9 * fmean(guesses), (errors, guesses)


def test_a_guess_is_the_same_every_time() -> None:
    victim = make_victim(1, privacy="open", rounds=3)
    guesses = [
        victim.attack(experts=ONE_EXPERT, only_slopes_and_loss=True, starts=2, iterations=8)
        for _ in range(2)
    ]
    assert torch.equal(guesses[0].rows, guesses[1].rows)
