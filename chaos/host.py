"""A process of clients: `python -m chaos.host DOMAIN HOST CLIENTS SEEN_FILE`.

The clients are the product's. Twice a second it writes down what they have heard from their peers:
by client, the hash of its newest message.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

import torch

from chaos.domains import client_rows, profile_of
from chaos.signing import identity_of
from scarcity.broker.clock import now_ms
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.events.codec import encode_msgpack
from scarcity.events.gossip_weights import GossipWeights
from scarcity.keys.exchange_key import ExchangeKey
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.keys.operators import read_operator_keys
from scarcity.keys.record_signing import RecordVerifier

PACING: Final = Pacing(interval_s=2.0, gossip_wait_s=1.0)
WRITE_EVERY_S: Final = 0.5


def hash_of(weights: GossipWeights) -> str:
    """Of a message, whoever holds it."""
    return hashlib.sha256(encode_msgpack(weights)).hexdigest()


async def keep_written(host: ClientHost, seen: Path) -> None:
    """Write down what was heard, for ever; a reader of the file never sees half of it."""
    while True:
        told = {client: hash_of(weights) for client, weights in host.view.heard.items()}
        aside = seen.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(told), "utf-8")
        aside.replace(seen)
        await asyncio.sleep(WRITE_EVERY_S)


def keys_of(client: str, domain: str) -> GossipKeys:
    """A client's keys, the same in each of its lives, as where it has an identity's directory.

    With keys of the process alone a host could not open what was sealed for its life before, and
    would rightly hold nothing of its peers until the next cycle.
    """
    exchange = ExchangeKey(hashlib.sha256(client.encode()).digest())
    return GossipKeys(exchange, identity_of(client, domain).key, lasting=True)


async def run(domain: str, host: int, clients: int, seen: Path) -> None:
    """Until SIGTERM."""
    group = ClientGroup(profile_of(domain), client_rows(domain, host, clients))
    settings = KafkaSettings.from_environment(os.environ)
    operators = read_operator_keys(os.environ)
    identities = {c: identity_of(c, domain) for c in group.client_ids} if operators else None
    verifier = RecordVerifier(operators) if operators else None
    keys = {client: keys_of(client, domain) for client in group.client_ids}
    async with KafkaBroker(settings, f"chaos-{domain}-{host}") as broker:
        clients_host = ClientHost(
            broker,
            group,
            PACING,
            now_ms=now_ms,
            identities=identities,
            keys=keys,
            verifier=verifier,
        )
        writing = asyncio.create_task(keep_written(clients_host, seen))
        running = asyncio.create_task(clients_host.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            return
        finally:
            writing.cancel()


if __name__ == "__main__":
    configure_logging()
    torch.set_num_threads(1)
    _domain, _host, _clients, _seen = sys.argv[1:]
    asyncio.run(run(_domain, int(_host), int(_clients), Path(_seen)))
