"""What a curious server gets back of six victims' rows, with and without the privacy budget.

    python benchmarks/reconstruction.py [--victims 6]

Each victim holds 4 rows of 6 columns and a target and takes part in 8 rounds. Errors are root mean
squares in standard deviations of a column, beside the error of guessing every column's mean.
"""

import argparse
from statistics import fmean
from time import perf_counter

import torch

from scarcity.events.domain_profile import PrivacyMode
from scarcity.simulation.attacks.victims import ONE_EXPERT, make_victim

RECOVERED = 0.1
FOUR_EXPERTS = (2, 4, 6, 8)
# Title, privacy mode, experts, the 8 slopes and a loss alone, noise, iterations.
ROWS: tuple[tuple[str, PrivacyMode, tuple[int, ...], bool, float, int], ...] = (
    ("open, one expert, 8 slopes + loss", "open", ONE_EXPERT, True, 1e-4, 40),
    ("budget, one expert (losses)", "budget", ONE_EXPERT, True, 1e-2, 40),
    ("budget, four experts (losses)", "budget", FOUR_EXPERTS, False, 1e-4, 60),
    ("budget, ten experts (losses)", "budget", tuple(range(10)), False, 1e-4, 80),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'published':<36}{'numbers':>8}{'recovered':>10}{'error':>8}{'of mean':>8}{'s':>7}")
    for title, privacy, experts, only, noise, iterations in ROWS:
        errors, means, numbers = [], [], 0
        began_s = perf_counter()
        for seed in range(args.victims):
            victim = make_victim(seed, privacy=privacy)
            guess = victim.attack(
                experts=experts, only_slopes_and_loss=only, noise=noise, iterations=iterations
            )
            numbers = guess.numbers
            errors.append(guess.error(victim.rows))
            means.append(victim.mean_guess_error)
        recovered = f"{sum(e < RECOVERED for e in errors)} of {len(errors)}"
        ratio, taken_s = fmean(errors) / fmean(means), perf_counter() - began_s
        print(
            f"{title:<36}{numbers:>8}{recovered:>10}{fmean(errors):>8.3f}{ratio:>8.2f}{taken_s:>7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
