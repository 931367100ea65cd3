"""A process of the demo's clients: `python -m scarcity.demo.host train economic`.

`train` holds the entities of a panel that take part, 32 of them a round; `evaluate` holds those
that never do, of any number of domains, and publishes nothing of them but their errors.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Sequence

import torch

from scarcity.broker.clock import now_ms
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.evaluation_host import EvaluationHost
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.client.table import Rows
from scarcity.demo.domains import demo_profile, round_size
from scarcity.demo.panels import PANEL_NAMES, load_panel, split

# A version that does not come for this long makes clients publish again: after a restart of a
# service the round may lack some.
PUBLISH_AGAIN_S = 4.0
EVALUATE_EVERY_S = 2.0


def client_rows(domain: str, *, new: bool) -> dict[str, Rows]:
    """Rows of the entities that take part, or of those that never do, by client name."""
    panel = load_panel(domain)
    parts = split(panel)
    return {
        f"{domain}-{name}": Rows(*panel.entities[name])
        for name in (parts.new if new else parts.training)
    }


async def train(broker: KafkaBroker, domain: str) -> None:
    """Train and trade until cancelled."""
    group = ClientGroup(demo_profile(domain), client_rows(domain, new=False))
    pacing = Pacing(PUBLISH_AGAIN_S, clients_per_round=round_size(domain))
    await ClientHost(broker, group, pacing, now_ms=now_ms).run()


async def evaluate(broker: KafkaBroker, domain: str) -> None:
    """Evaluate versions until cancelled."""
    rows = client_rows(domain, new=True)
    pacing = Pacing(EVALUATE_EVERY_S)
    await EvaluationHost(broker, demo_profile(domain), rows, pacing, now_ms=now_ms).run()


async def run_host(role: str, domains: Sequence[str], settings: KafkaSettings) -> None:
    """Run the hosts of some domains over one producer, until SIGTERM or SIGINT."""
    work = train if role == "train" else evaluate
    async with KafkaBroker(settings, f"scarcity-{role}") as broker:
        running = asyncio.gather(*(work(broker, domain) for domain in domains))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            return


def main(argv: Sequence[str] | None = None) -> None:
    """Run one host."""
    parser = argparse.ArgumentParser(prog="scarcity.demo.host")
    parser.add_argument("role", choices=("train", "evaluate"))
    parser.add_argument("domains", nargs="+", choices=PANEL_NAMES)
    args = parser.parse_args(argv)
    configure_logging()
    # More processes than cores: threads of one would only wait for those of another.
    torch.set_num_threads(1)
    settings = KafkaSettings.from_environment(os.environ)
    asyncio.run(run_host(args.role, args.domains, settings))


if __name__ == "__main__":
    main()
