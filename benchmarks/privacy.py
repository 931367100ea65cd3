"""What a curious server or a user of the parameters learns of clients' rows.

    python benchmarks/privacy.py [--victims 6] [--splits 3]

Reconstruction: each victim holds 4 rows of 6 columns and a target and takes part in 8 rounds.
Errors are root mean squares in standard deviations of a column, also as a share of the error of
guessing every column's mean. Membership: area under the curve of telling members from entities
that never took part, by the last parameters; .5 is guessing.
"""

import argparse
from statistics import fmean
from time import perf_counter

import torch

from scarcity.demo.panels import PANEL_NAMES
from scarcity.events.domain_profile import PrivacyMode
from scarcity.events.types import EXPERT_COUNT
from scarcity.simulation.attacks.membership import area_under_curve, membership_scores
from scarcity.simulation.attacks.victims import ONE_EXPERT, make_victim
from scarcity.simulation.populations import populate
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import DomainScenario, Evaluate, Panel, Scenario, Sinusoid

RECOVERED = 0.1
FOUR_EXPERTS = (2, 4, 6, 8)
ALL_EXPERTS = tuple(range(EXPERT_COUNT))
# Title, target, rows, privacy mode, experts, eight slopes and a loss alone, noise, iterations.
# 4 rows are too few to publish anything in mode `budget`; 24 rows publish losses of two rounds.
ROWS: tuple[tuple[str, str, int, PrivacyMode, tuple[int, ...], bool, float, int], ...] = (
    ("open, 4 rows, 1 expert", ">= 5 of 6", 4, "open", ONE_EXPERT, True, 1e-4, 40),
    ("budget, 4 rows, all", "share >= .9", 4, "budget", ALL_EXPERTS, False, 1e-4, 80),
    ("budget, 24 rows, 4 experts", "share >= .9", 24, "budget", FOUR_EXPERTS, False, 1e-4, 60),
    ("budget, 24 rows, 10 experts", "share >= .9", 24, "budget", ALL_EXPERTS, False, 1e-4, 80),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", type=int, default=6)
    parser.add_argument("--splits", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    reconstruction(args.victims)
    membership(args.splits)


def reconstruction(victims: int) -> None:
    """Rows from insights."""
    heads = f"{'numbers':>8}{'recovered':>10}{'error':>8}{'share':>7}{'s':>6}  target"
    print(f"{'published':<33}{heads}")
    for title, target, rows, privacy, experts, only, noise, iterations in ROWS:
        errors, means, numbers = [], [], 0
        began_s = perf_counter()
        for seed in range(victims):
            victim = make_victim(seed, privacy=privacy, rows=rows)
            guess = victim.attack(
                experts=experts, only_slopes_and_loss=only, noise=noise, iterations=iterations
            )
            numbers = guess.numbers
            errors.append(guess.error(victim.rows))
            means.append(victim.mean_guess_error)
        recovered = f"{sum(e < RECOVERED for e in errors)} of {len(errors)}"
        share, taken_s = fmean(errors) / fmean(means), perf_counter() - began_s
        figures = f"{numbers:>8}{recovered:>10}{fmean(errors):>8.3f}{share:>7.2f}{taken_s:>6.0f}"
        print(f"{title:<33}{figures}  {target}", flush=True)


def membership(splits: int) -> None:
    """Members from parameters, after 200 rounds of 32 clients in mode `open`."""
    print(f"\n{'members of':<33}{'members':>8}{'others':>10}{'AUC':>8}  each split; target <= .55")
    for name in (*PANEL_NAMES, "sinusoids"):
        found, counts = [], (0, 0)
        for split in range(splits):
            waves = Sinusoid(clients=200, rows=10, new_clients=400, new_rows=10)
            data = waves if name == "sinusoids" else Panel(name, split)
            domain = DomainScenario(name, data)
            scenario = Scenario(name, (domain,), split, 200, evaluate=Evaluate(10_000))
            z = run(scenario).parameters[name]
            people = populate(scenario, domain)
            scores = [
                membership_scores(people.profile, z, entities)
                for entities in (people.training, people.new)
            ]
            counts = len(scores[0]), len(scores[1])
            found.append(area_under_curve(*scores))
        each = ", ".join(f"{value:.3f}" for value in found)
        print(f"{name:<33}{counts[0]:>8}{counts[1]:>10}{fmean(found):>8.3f}  {each}", flush=True)


if __name__ == "__main__":
    main()
