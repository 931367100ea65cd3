"""`make bench-latency`: from a client's insight to the new meta-parameters, one at a time.

A broker, a memory worker and a meta worker of their own, in processes of their own; the domain's
policy is async with a buffer of one. Measured from before the client hands the insight to its
producer to when its read-committed consumer hands it the version made of it. Beside it in the same
run the floor: one record and two transactions, each sent and read, with nothing done in between.
Goal: p50 <= 25 ms, p99 <= 100 ms.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from time import perf_counter

from aiokafka import AIOKafkaProducer

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker, follow
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_json, decode_msgpack, encode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import DOMAINS, LEDGER, META_PARAMETERS, gossip_topic, insights_topic
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, Outgoing, Record

DOMAIN = "bench"
TOPICS_FILE = Path(__file__).parent.parent / "topics.yaml"
WARM_UP = 20
SERVICES = ("memory", "meta")
GOAL_P50_MS, GOAL_P99_MS = 25.0, 100.0


def insight(draw: random.Random, client: int, sequence: int, version: int) -> Insight:
    """Ten experts with slopes, every digit there."""
    experts = {
        name: ExpertInsight(
            draw.lognormvariate(-2, 1),
            draw.randint(4, 30),
            previous_loss=draw.lognormvariate(-2, 1),
            slopes=[round(draw.gauss(0, 2**22)) for _ in range(SLOPE_LENGTH)],
        )
        for name in EXPERT_NAMES
    }
    return Insight(f"client-{client}", experts, 0.135, 70, DOMAIN, sequence, version)


@contextmanager
def services(address: str, logs: Path) -> Iterator[None]:
    """The memory and the meta worker; their logs go to ``logs``."""
    environment = {**os.environ, "SCARCITY_BOOTSTRAP_SERVERS": address, "OMP_NUM_THREADS": "1"}
    running = []
    for name in SERVICES:
        run = f"import os; from scarcity.{name}.service import main; main(os.environ)"
        with (logs / f"{name}.log").open("wb") as log:
            running.append(
                subprocess.Popen([sys.executable, "-c", run], env=environment, stderr=log)
            )
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


async def until_version(batches: AsyncIterator[list[Record]], version: int) -> MetaParameters:
    """Read on until the parameters are at least of this version."""
    async for batch in batches:
        for record in batch:
            if record.value is not None:
                found = decode_msgpack(record.value, MetaParameters)
                if found.version >= version:
                    return found
    raise AssertionError("the stream follows for ever")


async def measure(kafka: KafkaSettings, rounds: int, clients: int) -> list[float]:
    """Seconds from send to parameters, one insight after the other; the warm-up is left out."""
    draw = random.Random(1)
    policy = RoundPolicy(mode="async", min_clients=1, buffer=1)
    columns = tuple(Column(f"x{i}", 0.0, 1.0) for i in range(5))
    profile = DomainProfile(DOMAIN, "bench", columns, Column("y", 0.0, 1.0), policy=policy)
    took_s = []
    async with (
        KafkaBroker(kafka) as broker,
        aclosing(follow(kafka, [META_PARAMETERS])) as batches,
    ):
        await broker.publish(Outgoing(DOMAINS, DOMAIN.encode(), encode_json(profile)))
        await until_version(batches, 0)
        for n in range(rounds + WARM_UP):
            client = n % clients
            told = insight(draw, client, n // clients, n)
            out = Outgoing(insights_topic(DOMAIN), told.client_id.encode(), encode_json(told))
            began = perf_counter()
            await broker.publish(out)
            await until_version(batches, n + 1)
            took_s.append(perf_counter() - began)
    return took_s[WARM_UP:]


async def floor(kafka: KafkaSettings, rounds: int) -> list[float]:
    """Seconds that Kafka's clients alone take for the three hops, one after the other."""
    topic = gossip_topic(DOMAIN)  # nobody reads it here
    producer = AIOKafkaProducer(**kafka.producer_options(), transactional_id="bench")
    await producer.start()
    took_s = []
    try:
        async with (
            KafkaBroker(kafka) as broker,
            aclosing(follow(kafka, [topic], from_end=True)) as batches,
        ):
            while await anext(batches):
                pass
            for _ in range(rounds + WARM_UP):
                began = perf_counter()
                await broker.publish(Outgoing(topic, b"k", b"v"))
                await anext(batches)
                for _ in range(2):
                    async with producer.transaction():
                        await producer.send_and_wait(topic, key=b"k", value=b"v")
                    await anext(batches)
                took_s.append(perf_counter() - began)
    finally:
        await producer.stop()
    return took_s[WARM_UP:]


async def phases(kafka: KafkaSettings) -> dict[str, float]:
    """Median milliseconds of each phase that the ledger tells."""
    async with KafkaBroker(kafka) as broker:
        entries = [decode_json(r.value, LedgerEntry) for r in await broker.read_all(LEDGER)]
    names = entries[-1].phases_s
    return {n: 1000 * percentile([e.phases_s[n] for e in entries[WARM_UP:]], 50) for n in names}


def percentile(values: list[float], percent: float) -> float:
    """Smallest value that ``percent`` of the values do not exceed.

    >>> percentile([3.0, 1.0, 2.0], 50)
    2.0
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def main() -> None:
    """Start a broker and services in a temporary directory, measure, stop them."""
    parser = argparse.ArgumentParser(prog="benchmarks.latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--clients", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scarcity-bench-") as directory:
        broker = EmbeddedKafka(0, Path(directory) / "kafka", memory_mb=512)
        broker.start()
        try:
            kafka = KafkaSettings(broker.bootstrap_servers)
            admin = TopicAdmin(kafka)
            admin.apply(admin.plan(load_topics(TOPICS_FILE), [DOMAIN]))
            with services(broker.bootstrap_servers, Path(directory)):
                took_s = asyncio.run(measure(kafka, args.rounds, args.clients))
                told = asyncio.run(phases(kafka))
                floor_s = asyncio.run(floor(kafka, args.rounds))
        finally:
            broker.stop()
    p50, p99 = (1000 * percentile(took_s, p) for p in (50, 99))
    low50, low99 = (1000 * percentile(floor_s, p) for p in (50, 99))
    print(f"{len(took_s)} insights, one at a time, from send to readable meta-parameters")
    print(f"p50 {p50:.1f} ms (goal {GOAL_P50_MS:g}), p99 {p99:.1f} ms (goal {GOAL_P99_MS:g})")
    print(f"floor: p50 {low50:.1f} ms, p99 {low99:.1f} ms; ratio of p50 {p50 / low50:.2f}")
    print("of which, medians: " + ", ".join(f"{n} {ms:.1f} ms" for n, ms in told.items()))


if __name__ == "__main__":
    main()
