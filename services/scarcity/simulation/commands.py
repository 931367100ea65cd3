"""`scarcity simulate SCENARIO.yaml`."""

import argparse
from importlib import import_module
from pathlib import Path

from scarcity.events.errors import InputError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `simulate`."""
    parser = commands.add_parser(
        "simulate",
        help="thousands of clients in one process, under virtual time, without a broker",
        description="Runs a scenario through the services' own cores. The same scenario and seed "
        "give the same ledger, byte for byte, on one machine.",
    )
    parser.add_argument("scenario", type=Path, metavar="SCENARIO.yaml")
    parser.add_argument("--seed", type=int, help="instead of the scenario's")
    parser.add_argument("--versions", type=int, help="instead of the scenario's")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write result.jsonl, ledger.jsonl and report.html into this directory",
    )
    parser.add_argument(
        "--parquet", type=Path, metavar="FILE", help="write all lines of the result as one table"
    )
    parser.set_defaults(handler=_simulate)


def _simulate(args: argparse.Namespace) -> int:
    import msgspec

    from scarcity.simulation.scenario_file import read_scenario

    scenario = read_scenario(args.scenario)
    for name in ("seed", "versions"):
        value = getattr(args, name)
        if value is not None:
            if value < (0 if name == "seed" else 1):
                raise InputError(f"--{name} {value} is too small")
            scenario = msgspec.structs.replace(scenario, **{name: value})
    if args.out is not None:
        _make_directory(args.out)

    from scarcity.simulation.screen import run_on_screen

    if args.parquet is not None:
        check_parquet(args.parquet)
    result = run_on_screen(scenario, args.out)
    if args.parquet is not None:
        from scarcity.simulation.tables import write_parquet

        write_parquet(args.parquet, result.lines())
    return 0


def check_parquet(path: Path) -> None:
    """Say before a long run what would fail after it.

    Raises:
        InputError: there is no such directory.
        ModuleNotFoundError: the extra `arrow` is not installed.
    """
    import_module("pyarrow")
    if not path.resolve().parent.is_dir():
        raise InputError(f"--parquet {path}: there is no directory {path.resolve().parent}")


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be made: {error.strerror or error}") from None
