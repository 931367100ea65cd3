"""Hurt a whole system at random and compare what is left; exit code 1 when something differs."""

import argparse
import asyncio
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from chaos.checks import all_hold
from chaos.cluster import Shape
from chaos.faults import FULL, SHORT
from chaos.run import run


def main() -> int:
    """Run once and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of faults and insights (1)")
    parser.add_argument("--seconds", type=float, default=150.0, help="of disturbance (150)")
    parser.add_argument("--short", action="store_true", help="fewer processes and faults")
    parser.add_argument(
        "--signed", action="store_true", help="clients sign; some forge, some are revoked"
    )
    parser.add_argument("--keep", type=Path, help="keep logs and the broker's data here")
    args = parser.parse_args()
    shape = Shape(memory=2, hosts=1, events_per_s=400, monitor=False) if args.short else Shape()
    shape = replace(shape, signed=args.signed)
    with tempfile.TemporaryDirectory(prefix="scarcity-chaos-") as temporary:
        directory = args.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(args, shape, directory))


async def _run(args: argparse.Namespace, shape: Shape, directory: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    # Unwinds everything, so that nothing is left running.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    outcome = await run(
        shape,
        SHORT if args.short else FULL,
        seed=args.seed,
        seconds=args.seconds,
        directory=directory,
        say=lambda line: print(line, flush=True),
    )
    print(f"\nseed {args.seed}", *outcome.summary, sep="\n  ")
    print(*(line for check in outcome.checks for line in check.lines()), sep="\n")
    return 0 if all_hold(outcome.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
