"""What it costs to trust no one, and what a flooding client does to the others.

    python -m benchmarks.access [--rows 'flood*'] [--quick]

Two brokers of their own, one plain and one with TLS, passwords and ACLs; they take turns.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.conn import create_conn
from confluent_kafka import Producer

from benchmarks.fold.insights import DOMAIN, TOPIC, insights
from benchmarks.tables import Figures, Row, Table, Target, main
from scarcity.broker.access_admin import AccessAdmin
from scarcity.broker.admin import TopicAdmin
from scarcity.broker.bulk import BATCH_BYTES, send_in_bulk
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.following import read_to_end
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.principals import find_principals
from scarcity.broker.quotas import alter_quotas
from scarcity.broker.security import SecuritySettings
from scarcity.broker.settings import KafkaSettings
from scarcity.events.types import Outgoing

TOPICS_FILE = Path(__file__).parents[1] / "topics.yaml"
OTHER = "other"  # the neighbour's domain
PARTITION = 0
FLOOD_RECORD = bytes(100_000)
LIMIT = 1 << 20  # bytes a second, as topics.yaml gives a client


@contextmanager
def plain_broker() -> Iterator[KafkaSettings]:
    """A broker that trusts everyone."""
    with TemporaryDirectory(prefix="scarcity-access-") as directory:
        kafka = EmbeddedKafka(0, Path(directory))
        kafka.start()
        try:
            settings = KafkaSettings(kafka.bootstrap_servers)
            admin = TopicAdmin(settings)
            admin.apply(admin.plan(load_topics(TOPICS_FILE), [DOMAIN, OTHER]))
            yield settings
        finally:
            kafka.stop()


class Secure:
    """A broker that trusts no one, and settings of its users."""

    def __init__(self, kafka: EmbeddedKafka, tls: Path) -> None:
        self._kafka = kafka
        self._tls = str(tls)

    def admin(self) -> KafkaSettings:
        """Settings of the administrator."""
        at = f"{self._tls}/admin"
        return KafkaSettings(
            self._kafka.tls_servers,
            security=SecuritySettings(
                "SSL", ca_file=f"{self._tls}/ca.pem", cert_file=f"{at}.pem", key_file=f"{at}.key"
            ),
        )

    def user(self, name: str) -> KafkaSettings:
        """Settings of a user, whose password is their name."""
        security = SecuritySettings(
            "SASL_SSL", username=name, password=name, ca_file=f"{self._tls}/ca.pem"
        )
        return KafkaSettings(self._kafka.bootstrap_servers, security=security.with_context())


@contextmanager
def secure_broker() -> Iterator[Secure]:
    """A broker with users `flooder` and `neighbour`, one a domain, and `memory`."""
    with TemporaryDirectory(prefix="scarcity-access-") as directory:
        tls = Path(directory) / "tls"
        kafka = EmbeddedKafka(0, Path(directory) / "kafka", secure=tls)
        kafka.start()
        try:
            secure = Secure(kafka, tls)
            declared = load_topics(TOPICS_FILE)
            topics, access = TopicAdmin(secure.admin()), AccessAdmin(secure.admin())
            for name in ("flooder", "neighbour", "memory"):
                access.set_password(name, name)
            topics.apply(topics.plan(declared, [DOMAIN, OTHER]))
            clients = [f"flooder:{DOMAIN}", f"neighbour:{OTHER}"]
            access.apply(access.plan(declared, find_principals(declared, clients=clients)))
            yield secure
        finally:
            kafka.stop()


async def write(settings: KafkaSettings, records: int) -> float:
    """Insights a second, acknowledged."""
    made = [Outgoing(TOPIC, key, value) for _, key, value in insights(records, 1000)]
    producer = AIOKafkaProducer(**settings.producer_options(), max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        began = perf_counter()
        await asyncio.gather(*await send_in_bulk(producer, TOPIC, PARTITION, made))
        return records / (perf_counter() - began)
    finally:
        await producer.stop()


async def read(settings: KafkaSettings) -> float:
    """Insights a second, the whole partition."""
    began = perf_counter()
    found = await read_to_end(settings, TOPIC, [PARTITION])
    return len(found) / (perf_counter() - began)


async def connect_ms(settings: KafkaSettings, times: int) -> float:
    """Median of a connection's making, ms."""
    host, _, port = settings.bootstrap_servers.rpartition(":")
    took = []
    for _ in range(times):
        began = perf_counter()
        connection = await create_conn(host, int(port), **settings.security.aiokafka_options())
        took.append(1000 * (perf_counter() - began))
        await connection.close()
    return median(took)


def connections_row(quick: bool) -> Figures:
    """Speeds over TLS with a password beside plain ones, alternating."""
    rounds, records = (1, 5_000) if quick else (5, 20_000)
    speeds: dict[str, list[float]] = {"write": [], "read": [], "plain write": [], "plain read": []}
    with plain_broker() as plain, secure_broker() as secure:
        flooder, memory = secure.user("flooder"), secure.user("memory")
        asyncio.run(set_limit(secure, None))
        for _ in range(rounds):
            speeds["plain write"].append(asyncio.run(write(plain, records)))
            speeds["write"].append(asyncio.run(write(flooder, records)))
            speeds["plain read"].append(asyncio.run(read(plain)))
            speeds["read"].append(asyncio.run(read(memory)))
        connected = asyncio.run(connect_ms(flooder, 5 if quick else 30))
        plainly = asyncio.run(connect_ms(plain, 5 if quick else 30))
    middle = {name: median(found) for name, found in speeds.items()}
    return {
        "write, ratio": middle["write"] / middle["plain write"],
        "read, ratio": middle["read"] / middle["plain read"],
        "write, insights/s": middle["write"],
        "read, insights/s": middle["read"],
        "connect, ms": connected,
        "connect plainly, ms": plainly,
    }


async def set_limit(secure: Secure, limit: float | None) -> None:
    """Give the flooding client a limit of written bytes a second, or none at all."""
    limits = {"producer_byte_rate": limit, "request_percentage": None if limit is None else 50.0}
    await alter_quotas(secure.admin(), {"flooder": limits})


class Flood:
    """A client that writes as fast as it can, in a thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.acknowledged = 0
        self.throttled_ms = 0.0
        self._over = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "log_level": 0,
                "throttle_cb": self._throttled,
                "queue.buffering.max.kbytes": 32_768,
                **settings.security.librdkafka_options(),
            }
        )
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._producer.purge()
        self._producer.flush(5)

    def _send(self) -> None:
        while not self._over.is_set():
            try:
                self._producer.produce(TOPIC, FLOOD_RECORD, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.05)
            self._producer.poll(0)

    def _delivered(self, error: Any, _record: Any) -> None:
        self.acknowledged += error is None

    def _throttled(self, event: Any) -> None:
        self.throttled_ms = max(self.throttled_ms, 1000 * event.throttle_time)


async def neighbour_ms(settings: KafkaSettings, seconds: float) -> list[float]:
    """Milliseconds until each of a neighbour's insights was acknowledged."""
    took = []
    key, value = b"neighbour", bytes(2500)
    async with KafkaBroker(settings) as broker:
        await broker.publish(Outgoing(f"insights.{OTHER}", key, value))
        end = perf_counter() + seconds
        while perf_counter() < end:
            began = perf_counter()
            await broker.publish(Outgoing(f"insights.{OTHER}", key, value))
            took.append(1000 * (perf_counter() - began))
            await asyncio.sleep(0.02)
    return took


def flood_row(limit: float | None, quick: bool) -> Figures:
    """A neighbour's waits alone, then while another client floods its topic."""
    seconds = 3.0 if quick else 20.0
    with secure_broker() as secure:
        asyncio.run(set_limit(secure, limit))
        neighbour = secure.user("neighbour")
        alone = asyncio.run(neighbour_ms(neighbour, seconds))
        with Flood(secure.user("flooder")) as flood:
            beside = asyncio.run(neighbour_ms(neighbour, seconds))
            flooded_mb = flood.acknowledged * len(FLOOD_RECORD) / 1e6 / seconds
    return {
        "flood, MB/s": flooded_mb,
        "longest throttle, ms": flood.throttled_ms,
        "neighbour's median, ms": median(beside),
        "neighbour's p99, ms": quantiles(beside, n=100)[-1],
        "alone: median, ms": median(alone),
        "alone: p99, ms": quantiles(alone, n=100)[-1],
        "median, ratio": median(beside) / median(alone),
    }


TABLE = Table(
    name="access",
    title="Connections that trust no one, and a flooding client",
    about="""
`TLS and passwords`: insights of 3 kB written in bulk and read to the end over TLS with
SCRAM-SHA-512 and ACLs, beside a plain broker, alternating; ratios of medians, higher is better.
`flood`: one client writes records of 100 kB as fast as it can, another publishes an insight every
20 ms and waits for it; ms until acknowledged. The limit is the one of topics.yaml. Clients and
brokers share one machine.
""",
    rows=(
        Row(
            "TLS and passwords",
            connections_row,
            in_quick=True,
            explanation="Client and broker encrypt on the same two cores. With Java's first "
            "compiler alone, as the plain embedded broker runs, the ratios were .13 and .18: it "
            "knows no AES.",
        ),
        Row("flood, no limit", partial(flood_row, None)),
        Row(
            "flood, 1 MiB/s",
            partial(flood_row, LIMIT),
            (Target("median, ratio", 2.0), Target("flood, MB/s", 3.0)),
            in_quick=True,
        ),
    ),
)

if __name__ == "__main__":
    main("benchmarks.access", [TABLE])
