"""Every query of the dashboards returns data from a real Prometheus.

It scrapes a real monitor that reads a real broker. The memory service and the gossip planner run,
and fold and plan what clients publish here; what meta writes (ledger, parameters, evaluations) is
written here too, so that privacy, quarantine and repairs occur within seconds. Needs Debian's
package prometheus (no server is left running); part of `make check-infra`.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.infra.test_dashboards import queries
from tests.monitor import records

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.client.outgoing import insight_record
from scarcity.events.codec import encode_msgpack
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.standing import Mark
from scarcity.events.types import Outgoing, Record

ROOT = Path(__file__).parents[2]
DOMAIN = "shops"
ROUNDS = 25
EVERY_S = 0.5


@contextmanager
def process(*command: str, **environment: str) -> Iterator[None]:
    """A process that ends with the test."""
    running = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield
        assert running.poll() is None, f"{command} has ended by itself"
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def outgoing(record: Record) -> Outgoing:
    return Outgoing(record.position.topic, record.key, record.value, record.headers)


def insight(client: str, sequence: int) -> Outgoing:
    event = records.insight_event(client, DOMAIN)
    event.sequence = sequence
    return insight_record(event, now_ms=0)


def weights(client: str, number: int) -> Outgoing:
    event = GossipWeights(
        client, DOMAIN, number, 1, b"",
        exchanges=4 * number, evictions=2 * number, readmissions=number,
    )  # fmt: skip
    return Outgoing(f"gossip.{DOMAIN}", client.encode(), encode_msgpack(event))


def a_round(number: int, now_ms: int) -> list[Outgoing]:
    """Half a second of a busy domain: everything that a dashboard shows occurs."""
    newcomer = f"late-{number}"  # the memory's bound is small: somebody has to go
    return [
        insight("a", number),
        insight("a", number),  # a repetition
        insight("b", number),
        insight(newcomer, 1),
        Outgoing(f"insights.{DOMAIN}", b"c", b"not json"),
        weights("a", number),
        outgoing(
            records.ledger(
                DOMAIN,
                number,
                reverted=number % 2 == 0,
                epsilon=number / 10,
                marks=(Mark(f"marked-{number}", "check", 0, 5, 6.5),),
                closed_by="repair" if number % 5 == 0 else "quorum",
            )
        ),
        outgoing(records.parameters(DOMAIN, number, source_ms=now_ms - 40, at_ms=now_ms)),
        outgoing(records.evaluation(DOMAIN, number, routed=0.2)),
    ]


def beginning() -> list[Outgoing]:
    return [
        outgoing(records.profile(DOMAIN, privacy="open")),
        *(outgoing(records.registered(client, DOMAIN)) for client in "ab"),
        outgoing(records.registered("c", DOMAIN, "slopes")),
        outgoing(records.registered("d", DOMAIN, "all")),
    ]


class Prometheus:
    """Asks a running Prometheus; ``metrics_url``: of the monitor that it scrapes."""

    def __init__(self, url: str, metrics_url: str) -> None:
        self._url = url
        self.metrics_url = metrics_url

    def ask(self, path: str, **parameters: str) -> dict[str, Any]:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}{path}?{query}", timeout=10) as reply:
            body = json.load(reply)
        assert body["status"] == "success", body
        return body["data"]

    def values(self, expression: str) -> list[float]:
        result = self.ask("/api/v1/query", query=expression)["result"]
        return [float(series["value"][1]) for series in result]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    broker = EmbeddedKafka(port=0, data_dir=tmp_path / "kafka", memory_mb=256)
    broker.start()
    try:
        admin = TopicAdmin(KafkaSettings(broker.bootstrap_servers))
        admin.create(load_topics(ROOT / "topics.yaml").expand([DOMAIN]))
        yield broker.bootstrap_servers
    finally:
        broker.stop()


def prometheus_config(directory: Path, monitor_port: int) -> Path:
    """infra/prometheus/prometheus.yml with this test's monitor, scraped every second."""
    config = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "scarcity-monitor"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{monitor_port}"]}]
    config["scrape_configs"] = [job]
    shutil.copy(ROOT / "infra/prometheus/alerts.yaml", directory)
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
async def prometheus(kafka: str, tmp_path: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus that has watched a domain for a dozen seconds."""
    binary = shutil.which("prometheus")
    assert binary, "no prometheus here: apt-get install prometheus"
    monitor_port, port = free_port(), free_port()
    scarcity = (sys.executable, "-m", "scarcity.cli", "run")
    common = {
        "SCARCITY_BOOTSTRAP_SERVERS": kafka,
        "SCARCITY_MEMORY_MAX_INSIGHTS": "9",
        "SCARCITY_GOSSIP_CYCLE_S": "1",
        "SCARCITY_MONITOR_PORT": str(monitor_port),
        "SCARCITY_MONITOR_LAG_SECONDS": "1",
    }
    options = (
        f"--config.file={prometheus_config(tmp_path, monitor_port)}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    with ExitStack() as stack:
        for service in ("memory", "gossip", "monitor"):
            stack.enter_context(process(*scarcity, service, **common))
        stack.enter_context(process(binary, *options))
        async with KafkaBroker(KafkaSettings(kafka)) as broker:
            await broker.publish(*beginning())
            metrics_url = f"http://127.0.0.1:{monitor_port}/metrics"
            asked = Prometheus(f"http://127.0.0.1:{port}", metrics_url)
            await until(asked, 'up{job="scarcity-monitor"} == 1')
            await until(asked, 'scarcity_service_workers{service="memory"} == 1')
            loop = asyncio.get_running_loop()
            for number in range(1, ROUNDS + 1):
                await broker.publish(*a_round(number, int(1000 * loop.time())))
                await asyncio.sleep(EVERY_S)
            await until(asked, f'scarcity_rounds_total{{domain="{DOMAIN}"}} == {ROUNDS}')
            await until(asked, f"sum(scarcity_dead_letters_total) == {ROUNDS}")  # memory, too
            yield asked


async def until(prometheus: Prometheus, expression: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if await asyncio.to_thread(prometheus.values, expression):
                    return
            except OSError:
                pass  # it is not up yet
            await asyncio.sleep(0.5)


async def test_every_query_of_the_dashboards_returns_data(prometheus: Prometheus) -> None:
    found = {}
    for panel, expression in queries():
        asked = expression.replace("$domain", DOMAIN)
        found[panel, expression] = await asyncio.to_thread(prometheus.values, asked)
    empty = [place for place, values in found.items() if not values]
    assert empty == []
    # And the figures are those of the domain, not of an idle page.
    told = {
        expression.replace("$domain", DOMAIN): values for (_, expression), values in found.items()
    }
    assert told["sum(rate(scarcity_insights_total[1m]))"][0] > 1
    assert told["sum(scarcity_dead_letters_total)"] == [ROUNDS]
    assert max(told[f'scarcity_memory_occupancy_ratio{{domain=~"{DOMAIN}"}}']) <= 1
    for name in ("memory_evictions", "duplicate_insights", "gossip_evictions", "reverted_rounds"):
        assert await asyncio.to_thread(prometheus.values, f"scarcity_{name}_total > 0"), name

    groups = (await asyncio.to_thread(prometheus.ask, "/api/v1/rules"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"} == {}
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert "ScarcityServiceDown" not in firing

    with urllib.request.urlopen(prometheus.metrics_url, timeout=10) as reply:
        page = reply.read()
    linted = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, b"")
