"""Publishes insights of a crowd: `python -m chaos.generator SEED CLIENTS EVENTS_PER_S RECEIPTS`.

Until SIGTERM. For each record that the broker acknowledged it writes a receipt, a line of topic,
partition, offset and `bad`, `good` or `either` (parked, not, or one of them): what was acknowledged
must be in the log at the end.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import IO, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chaos.domains import DOMAINS
from chaos.insights import Event
from chaos.signing import crowd_of
from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import insights_topic
from scarcity.keys.operators import OPERATOR_KEYS_FILE_KEY

TICK_S: Final = 0.1


class Generator:
    """One producer that is made anew when the broker has gone from under it."""

    def __init__(self, settings: KafkaSettings, receipts: IO[str]) -> None:
        self._settings = settings
        self._receipts = receipts
        self._producer: AIOKafkaProducer | None = None

    async def send(self, events: list[tuple[str, Event]]) -> None:
        """Send and wait for the acknowledgements; what has none may be in the log or not."""
        producer = await self._started()
        try:
            waiting = [
                await producer.send(
                    insights_topic(domain),
                    key=event.key,
                    value=event.value,
                    headers=list(event.headers),
                )
                for domain, event in events
            ]
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        except KafkaError:
            await self.stop()
            return
        for (_, event), answer in zip(events, answers, strict=True):
            if isinstance(answer, BaseException):
                continue
            word = "either" if event.is_bad is None else "bad" if event.is_bad else "good"
            place = f"{answer.topic} {answer.partition} {answer.offset}"
            self._receipts.write(f"{place} {word}\n")
        self._receipts.flush()
        if any(isinstance(answer, BaseException) for answer in answers):
            await self.stop()

    async def stop(self) -> None:
        """Let the producer go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._settings.producer_options(), client_id="chaos-generator"
            )
            await start_with_backoff(producer.start, "generator", self._settings)
            self._producer = producer
        return self._producer


async def run(seed: int, clients: int, events_per_s: int, receipts: Path) -> None:
    """Until SIGTERM."""
    draw = random.Random(seed)
    signed = bool(os.environ.get(OPERATOR_KEYS_FILE_KEY))
    crowds = [crowd_of(domain, clients, draw, signed=signed) for domain in DOMAINS]
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    with receipts.open("a", encoding="utf-8") as file:
        generator = Generator(KafkaSettings.from_environment(os.environ), file)
        try:
            while not stopping.is_set():
                chosen = [draw.choice(crowds) for _ in range(int(events_per_s * TICK_S))]
                await generator.send([(crowd.domain, crowd.event()) for crowd in chosen])
                await asyncio.sleep(TICK_S)
        finally:
            await generator.stop()


if __name__ == "__main__":
    configure_logging()
    _seed, _clients, _events_per_s, _receipts = sys.argv[1:]
    asyncio.run(run(int(_seed), int(_clients), int(_events_per_s), Path(_receipts)))
