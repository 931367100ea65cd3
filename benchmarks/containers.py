"""What the system costs in containers, and what a lost broker and worker do to it.

    python -m benchmarks.containers [--rows 'images']

Sizes are of the images with their base, as the engine counts them (10^6 bytes). The run is that of
`make test-containers`: three brokers with three copies of every record, two memory and two meta
workers, three institutions with the demo's panels; a third of the way one broker and one memory
worker are killed (SIGKILL) and stay away until the last round. `differences` counts what does not
equal an offline fold of the logs, the ledger's rules and `scarcity audit verify` (0: nothing was
lost, nothing counted twice). A pause is the time without a version of any domain after the kill. A
planned stop is SIGTERM until the container has ended.
"""

import asyncio

from chaos.compose import ComposeSystem, image_sizes
from chaos.compose_run import ROUNDS, run

from benchmarks.tables import Figures, Row, Table, Target, main

PAUSE = (
    "The pause is the time in which the lost broker's partitions, group and transactions find "
    "other homes, and the lost worker's clients another worker."
)


def sizes(quick: bool) -> Figures:
    """MB of each image; they must have been built."""
    del quick
    return {f"{name}, MB": size for name, size in asyncio.run(image_sizes()).items()}


def survived(quick: bool) -> Figures:
    """The run of the tests, over a system of its own."""
    return asyncio.run(_survived(ComposeSystem(), 6 if quick else ROUNDS))


def secured(quick: bool) -> Figures:
    """The same with TLS, SCRAM, ACLs and signatures."""
    return asyncio.run(_survived(ComposeSystem(secure=True), 6 if quick else ROUNDS))


async def _survived(system: ComposeSystem, rounds: int) -> Figures:
    async with system:
        await system.start()
        outcome = await run(system, lambda text: print(f"    {text}", flush=True), rounds)
    return {
        **outcome.figures,
        "compared": float(sum(check.compared for check in outcome.checks)),
        "differences": float(sum(len(check.wrong) for check in outcome.checks)),
    }


TABLE = Table(
    "containers",
    "Containers",
    __doc__.partition("\n\n")[2].partition("\n\n")[2],
    (
        Row(
            "images",
            sizes,
            targets=(
                Target("memory, MB", 250),
                Target("gossip, MB", 250),
                Target("meta, MB", 900),
                Target("client, MB", 900),
            ),
            in_quick=True,
        ),
        Row(
            "a broker and a memory worker killed",
            survived,
            targets=(Target("differences", 0), Target("longest planned stop, s", 10)),
            explanation=PAUSE,
        ),
        Row(
            "the same with TLS, SCRAM, ACLs and signatures",
            secured,
            targets=(Target("differences", 0), Target("longest planned stop, s", 10)),
            explanation=PAUSE,
        ),
    ),
)

if __name__ == "__main__":
    main("benchmarks.containers", [TABLE])
