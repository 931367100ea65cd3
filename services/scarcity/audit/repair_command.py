"""`scarcity audit counterfactual --publish-repair`: asked for twice, then published.

The second asking is the clients' names, typed again or given with `--confirm`: who is taken out is
out of the learned state for good.
"""

import argparse
import asyncio
import sys
from collections.abc import Collection
from contextlib import ExitStack
from typing import TYPE_CHECKING

from scarcity.audit.console import known_settings, progress, show
from scarcity.broker.clock import now_ms
from scarcity.broker.commands import settings_of
from scarcity.keys.operator import add_operator_key, read_operator_key

if TYPE_CHECKING:
    from scarcity.audit.repairing import RepairCourse


def add_repair_options(parser: argparse.ArgumentParser) -> None:
    """Options of a repair."""
    parser.add_argument(
        "--publish-repair",
        action="store_true",
        help="let the meta-learner go on from the state without the clients, for good",
    )
    parser.add_argument(
        "--confirm", metavar="CLIENT,…", help="the clients once more, where nobody can be asked"
    )
    parser.add_argument("--reason", default="", help="kept with the repair")
    add_operator_key(parser)


def run_repair(args: argparse.Namespace, without: Collection[str]) -> int:
    """Compute, show, ask, publish, and wait until the ledger tells it."""
    from scarcity.audit.publication import RepairPlan, publish_repair
    from scarcity.audit.rules import KnownRules
    from scarcity.audit.screen import repair_text
    from scarcity.broker.kafka import KafkaBroker
    from scarcity.broker.logs import configure_logging
    from scarcity.events.errors import InputError

    if not without or args.policy is not None or args.domain is not None:
        raise InputError("a repair takes clients out: --without CLIENT,… and no other change")
    if args.offline is not None:
        raise InputError("a repair is published to a broker: leave out --offline")
    if args.confirm is not None and _names(args.confirm) != set(without):
        raise InputError("--confirm names other clients than --without: nothing was published")
    key, rules = read_operator_key(args), KnownRules(known_settings(args))
    settings = settings_of(args)
    configure_logging()

    bar = ExitStack()

    def agreed(course: "RepairCourse") -> bool:
        from scarcity.audit.screen import outcome_text

        bar.close()  # a bar that moves and a question do not go together
        show(outcome_text(course.outcomes()))
        return args.confirm is not None or _asks_again(without)

    async def run() -> int:
        with bar:
            on_step = bar.enter_context(progress("versions"))
            plan = RepairPlan(without, key, rules, agreed, args.reason, on_step)
            async with KafkaBroker(settings, client_id="scarcity-operator") as broker:
                links = await publish_repair(broker, plan, now_ms)
        show(repair_text(links))
        return 0 if links else 1

    return asyncio.run(run())


def _asks_again(without: Collection[str]) -> bool:
    names = ",".join(sorted(without))
    if not sys.stdin.isatty():
        print(
            f"scarcity: not published: nobody can be asked; repeat with --confirm {names}",
            file=sys.stderr,
        )
        return False
    print(f"This takes {names} out of the learned state for good.", file=sys.stderr)
    return _names(input("Type the clients once more, separated by commas: ")) == set(without)


def _names(text: str) -> set[str]:
    return set(filter(None, (name.strip() for name in text.split(","))))
