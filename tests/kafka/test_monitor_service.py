import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from tests.monitor import records
from tests.monitor.test_metrics import value

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.events.types import Outgoing, Record

pytestmark = pytest.mark.kafka

MONITOR = "import os; from scarcity.monitor.service import main; main(os.environ)"


def outgoing(record: Record) -> Outgoing:
    return Outgoing(record.position.topic, record.key, record.value, record.headers)


def fetch(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


@asynccontextmanager
async def monitor(address: str) -> AsyncIterator[str]:
    """A monitor that has caught up; yields its URL. Stopped by SIGTERM, as a supervisor would."""
    port = free_port()
    environment = {
        **os.environ,
        "SCARCITY_BOOTSTRAP_SERVERS": address,
        "SCARCITY_MONITOR_PORT": str(port),
        "SCARCITY_MONITOR_LAG_SECONDS": "1",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", MONITOR, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        while (await asyncio.to_thread(fetch, f"{url}/health"))[0] != 200:
            assert process.returncode is None
            await asyncio.sleep(0.1)
        yield url
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def metrics_when(url: str, holds: Callable[[str], bool]) -> str:
    while True:
        status, page = await asyncio.to_thread(fetch, f"{url}/metrics")
        assert status == 200
        if holds(page.decode()):
            return page.decode()
        await asyncio.sleep(0.1)


async def test_metrics_and_health_follow_the_topics_and_a_restart_reads_them_again(
    kafka_address: str, fresh_topics: Callable[[str], str]
) -> None:
    domain = fresh_topics("watched")
    labels = {"domain": domain}

    def rounds(page: str) -> bool:
        return f'scarcity_rounds_total{{domain="{domain}"}} 2.0' in page

    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        await broker.publish(
            outgoing(records.profile(domain)),
            outgoing(records.insight("a", domain)),
            outgoing(records.memory("a", domain, accepted=1)),
            outgoing(records.ledger(domain, 1)),
        )
        async with monitor(kafka_address) as url:
            health = orjson.loads((await asyncio.to_thread(fetch, f"{url}/health"))[1])
            assert health["status"] == "ok"
            assert domain in health["domains"]
            await broker.publish(
                outgoing(records.ledger(domain, 2)),
                outgoing(records.weights("a", domain, exchanges=4)),
            )
            page = await metrics_when(url, rounds)
            assert value(page, "scarcity_insights_total", **labels) == 1
            assert value(page, "scarcity_accepted_insights_total", **labels) == 1
            assert (await asyncio.to_thread(fetch, f"{url}/nothing"))[0] == 404
            # The broker tells of each service's group, whether it has workers or not.
            services = ("memory", "meta", "gossip")
            workers = [f'scarcity_service_workers{{service="{name}"}}' for name in services]
            page = await metrics_when(url, lambda told: all(one in told for one in workers))
            assert value(page, "scarcity_monitor_groups_read_timestamp_seconds") > 0
            assert value(page, "process_resident_memory_bytes") > 0
        async with monitor(kafka_address) as url:
            page = await metrics_when(url, rounds)
            assert value(page, "scarcity_gossip_exchanges_total", **labels) == 4


async def test_watch_prints_lines_from_the_topics_alone(
    kafka_address: str, fresh_topics: Callable[[str], str]
) -> None:
    domain = fresh_topics("seen")
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        await broker.publish(outgoing(records.profile(domain)), outgoing(records.ledger(domain, 7)))
    command = "from scarcity.cli import main; raise SystemExit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", command, "watch", "--bootstrap-servers", kafka_address),
        *("--seconds", "8"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert f"{domain} round 7" in printed
    assert "privacy" in printed
