"""What the learning reaches on the demo's panels, without a broker: rounds in one process.

    python benchmarks/learning_panels.py [--rounds 150 400 1000] [--deals 0 1 2] [--panels economic]

Prints the error of new clients (normalised MSE; 30 % of the entities, which never take part) beside
what a throwaway probe reached and what the new clients can do alone.
"""

import argparse
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from scarcity.client.evaluation import NewClients, Scores
from scarcity.demo.panels import DEAL, PANEL_NAMES, load_panel, profile, split, standardised
from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.client_step import Draw, RowBatch, client_step
from scarcity.learning.features import FeatureMaps, feature_maps
from scarcity.learning.online_maml import (
    Contribution,
    DomainState,
    FamilyState,
    LearningSettings,
    OnlineMAMLEngine,
)

# Routed error of the probe after 150 and 1000 rounds, own mean, own tuned ridge.
PROBE = {
    "economic": (0.0103, 0.0090, 0.079, 0.0132),
    "medical": (0.927, 0.844, 1.08, 0.94),
    "technology": (0.0660, 0.0632, 0.0692, 0.0716),
}


@dataclass
class World:
    """A domain's clients, in memory."""

    scaling: DomainProfile
    maps: FeatureMaps
    names: list[str]
    batch: RowBatch
    sequences: dict[str, int]
    new_clients: NewClients


def open_world(name: str, seed: int) -> World:
    """Deal a panel's entities by ``seed``."""
    panel = load_panel(name)
    parts = split(panel, seed)
    scaling = profile(panel, parts)
    rows = {
        entity: (torch.from_numpy(x), torch.from_numpy(y))
        for entity, (x, y) in standardised(panel.entities, scaling).items()
    }
    maps = feature_maps(scaling.map_seed, len(scaling.features))
    new = {entity: rows[entity] for entity in parts.new}
    return World(
        scaling,
        maps,
        list(parts.training),
        RowBatch.of(maps, [rows[entity] for entity in parts.training]),
        dict.fromkeys(parts.training, 0),
        NewClients(maps, new, support_rows=scaling.support_rows),
    )


def contributions(
    world: World, chosen: list[int], state: DomainState, *, gate: bool
) -> list[Contribution]:
    """One insight of each of the chosen clients."""
    names = [world.names[i] for i in chosen]
    draws = [Draw(name, world.sequences[name]) for name in names]
    for name in names:
        world.sequences[name] += 1
    judge = gate and state.previous_z is not None
    result = client_step(
        world.batch.select(chosen),
        draws,
        torch.from_numpy(state.z),
        domain=world.scaling.domain,
        meta_version=state.version,
        support_rows=world.scaling.support_rows,
        slope_clip=world.scaling.slope_clip,
        previous_z=torch.from_numpy(state.previous_z) if judge else None,
    )
    return [
        Contribution(
            client_id=draw.client_id,
            sequence=draw.sequence,
            meta_version=state.version,
            losses=result.losses[i],
            samples=int(result.samples[i]),
            previous_losses=None if result.previous_losses is None else result.previous_losses[i],
            slopes=None if result.slopes is None else result.slopes[i],
        )
        for i, draw in enumerate(draws)
    ]


def run(
    world: World,
    rounds: list[int],
    *,
    settings: LearningSettings,
    clients: int = 32,
    seed: int = 0,
) -> dict[int, Scores]:
    """Scores of the new clients at each of ``rounds``."""
    engine = OnlineMAMLEngine(settings)
    family: FamilyState = engine.start_family(world.maps.inputs)
    state = engine.start(world.scaling.domain, family, {})
    generator = np.random.default_rng(seed)
    scores: dict[int, Scores] = {}
    for number in range(max(rounds) + 1):
        if number in rounds or number == 0:
            scores[number] = world.new_clients.score(
                torch.from_numpy(state.z),
                torch.from_numpy(state.domain_losses),
                torch.from_numpy(state.start_losses),
            )
        take = min(clients, len(world.names))
        chosen = sorted(generator.permutation(len(world.names))[:take].tolist())
        heard = contributions(world, chosen, state, gate=settings.gate)
        state, family, _ = engine.update(world.scaling.domain, state, family, heard)
    return scores


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, nargs="+", default=[150, 400, 1000])
    parser.add_argument("--deals", type=int, nargs="+", default=[DEAL])
    parser.add_argument("--panels", nargs="+", choices=PANEL_NAMES, default=list(PANEL_NAMES))
    parser.add_argument("--mode", choices=("sync", "stream"), default="sync")
    parser.add_argument("--no-gate", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = LearningSettings(mode=options.mode, gate=not options.no_gate)
    for name in options.panels:
        for deal in options.deals:
            world = open_world(name, deal)
            begun = perf_counter()
            scores = run(world, options.rounds, settings=settings)
            spent = perf_counter() - begun
            pace_ms = 1e3 * spent / max(options.rounds)
            new = world.new_clients
            print(f"{name}, deal {deal}: {new.count} new clients, {pace_ms:.1f} ms a round")
            for number, score in scores.items():
                print(f"{number:6d} rounds: routed {score.routed:.4f}, uniform {score.uniform:.4f}")
            print(f"  alone: mean {new.own_mean:.4f}, tuned ridge {new.own_ridge:.4f}")
            early, late, mean, ridge = PROBE[name]
            print(f"  probe: {early} and {late} (150, 1000); alone {mean}, {ridge}", flush=True)


if __name__ == "__main__":
    main()
