"""A client that dies in the middle of a secure sum: `python -m tests.kafka.dying_member …`.

Arguments: address, domain, name, and how many bundles of shares it sends. It ends as kill -9 does,
right after the last of them is acknowledged: others have agreed on masks with it, and its term will
never come.
"""

import asyncio
import os
import sys
import time

import torch
from tests.client.worlds import rows
from tests.secagg.kafka_profile import summed_profile

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.events.codec import decode_msgpack
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.topics import SECAGG_KEYS_PREFIX
from scarcity.events.types import Outgoing

DEAD = 77


class DyingBroker(KafkaBroker):
    """Ends this process after it has published shares so many times."""

    def __init__(self, address: str, bundles: int) -> None:
        super().__init__(KafkaSettings(address), client_id="dying-member")
        self._left = bundles

    async def publish(self, *outgoing: Outgoing) -> None:
        await super().publish(*outgoing)
        for out in outgoing:
            if out.topic.startswith(SECAGG_KEYS_PREFIX):
                self._left -= decode_msgpack(out.value, SecureKeys).stage == "shares"
        if not self._left:
            os._exit(DEAD)


async def main(address: str, domain: str, name: str, bundles: int) -> None:
    group = ClientGroup(summed_profile(domain, 5), {name: rows(99)})
    async with DyingBroker(address, bundles) as broker:
        host = ClientHost(
            broker, group, Pacing(interval_s=1000.0), now_ms=lambda: time.time_ns() // 1_000_000
        )
        await host.run()


if __name__ == "__main__":
    torch.set_num_threads(1)
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
