"""How many client-rounds a second the simulation makes on one core, and what it takes.

    python -m benchmarks.simulation_speed [--rows '10 000 clients'] [--quick]

Each row is a process of its own. Seconds are of its processor time from the first client's start on
(the population's features are made before), so that a busy machine does not count.
"""

import json
import resource
import subprocess
import sys
from functools import partial
from time import process_time

from benchmarks.tables import Figures, Row, Table, Target, main
from scarcity.simulation.runner import Simulation
from scarcity.simulation.scenario import (
    ClientModel,
    Delay,
    DomainScenario,
    Evaluate,
    Rounds,
    Scenario,
    Sinusoid,
)

ALONE = "--alone"
NO_EVALUATION = 1_000_000
A_ROUND = 2000


def simulate(clients: int, versions: int) -> dict[str, float]:
    """Run here, and tell."""
    domain = DomainScenario(
        "waves",
        Sinusoid(clients=clients, rows=8, new_clients=10),
        clients=ClientModel(Rounds(A_ROUND), Delay("uniform", 2.0)),
    )
    scenario = Scenario(
        "speed",
        (domain,),
        versions=versions,
        poll_ms=1000,
        evaluate=Evaluate(NO_EVALUATION),
    )
    simulation = Simulation(scenario)
    began = process_time()
    result = simulation.run()
    spent = process_time() - began
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "client-rounds": float(result.client_rounds),
        "client-rounds/s": result.client_rounds / spent,
        "peak, GB": peak_kb * 1024 / 1e9,
    }


def row(clients: int, quick: bool) -> Figures:
    """The same in a process of its own, so that its peak is its own."""
    versions = 3 if quick else 20
    command = [sys.executable, "-m", "benchmarks.simulation_speed", ALONE]
    done = subprocess.run(
        [*command, str(clients), str(versions)], stdout=subprocess.PIPE, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


PACE, PEAK = "client-rounds/s", "peak, GB"
TABLE = Table(
    name="simulation-speed",
    title="Speed of the simulation",
    about=f"""
Sinusoids of 8 rows, ten experts with eight slopes, {A_ROUND} clients a round, through the services'
cores and codecs; one process, one thread.
""",
    rows=(
        Row(
            "10 000 clients",
            partial(row, 10_000),
            (Target(PACE, 5000.0, at_least=True), Target(PEAK, 2.0)),
            in_quick=True,
        ),
        Row("100 000 clients", partial(row, 100_000), (Target(PEAK, 4.0),)),
    ),
)

if __name__ == "__main__":
    if ALONE in sys.argv:
        print(json.dumps(simulate(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main("benchmarks.simulation_speed", [TABLE])
