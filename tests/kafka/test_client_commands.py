"""`scarcity client` and `scarcity domain` as a person runs them, over a real broker."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.kafka.test_client_host import until

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.cli import main
from scarcity.client.versions import parameters_event
from scarcity.events.codec import decode_json, encode_msgpack
from scarcity.events.errors import BrokerError
from scarcity.events.evaluation import Evaluation
from scarcity.events.insight import Insight
from scarcity.events.topics import gossip_topic, insights_topic
from scarcity.events.types import Outgoing
from scarcity.learning.initial import default_z

pytestmark = pytest.mark.kafka

PROFILE = """\
domain: {domain}
family: {domain}
features: [{{name: a, center: 0, scale: 1}}, {{name: b, center: 0, scale: 1}}]
target: {{name: y, center: 0, scale: 1}}
privacy: open
support_rows: 3
"""
ROWS = "shop,a,b,y\n" + "".join(f"s{i % 2},{i},{i % 3},{2 * i}\n" for i in range(12))


def scarcity(address: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scarcity.cli", *arguments, "--bootstrap-servers", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


async def test_a_person_declares_a_domain_and_takes_part_with_a_file(
    kafka_address: str, fresh_topics: Callable[[str], str], tmp_path: Path
) -> None:
    domain = fresh_topics("shops")
    profile, table = tmp_path / "domain.yaml", tmp_path / "shops.csv"
    profile.write_text(PROFILE.format(domain=domain))
    table.write_text(ROWS)
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        await until(lambda: exists(broker, domain))
        applied = await asyncio.to_thread(scarcity, kafka_address, "domain", "apply", str(profile))
        assert applied.returncode == 0, applied.stderr
        listed = await asyncio.to_thread(scarcity, kafka_address, "domain", "list")
        assert f"{domain}: y from a, b; family {domain}, privacy open" in listed.stdout
        event = parameters_event(domain, domain, 0, default_z(2), np.full(10, np.nan))
        await broker.publish(Outgoing("meta-parameters", domain.encode(), encode_msgpack(event)))
        await joined_and_stopped(broker, kafka_address, domain, table)
        await judged(broker, kafka_address, domain, table)


async def exists(broker: KafkaBroker, domain: str) -> bool:
    try:
        for name in (insights_topic(domain), gossip_topic(domain)):
            await broker.read_all(name)
    except BrokerError:
        return False
    return True


def start(address: str, domain: str, table: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable, "-m", "scarcity.cli", "client", "--data", str(table), "--domain", domain,
        "--target", "y", "--entity", "shop", "--bootstrap-servers", address, *more,
    ]  # fmt: skip
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


async def joined_and_stopped(broker: KafkaBroker, address: str, domain: str, table: Path) -> None:
    process = start(address, domain, table)
    try:
        await until(lambda: has_insights(broker, domain, 2))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
    found = [decode_json(r.value, Insight) for r in await broker.read_all(insights_topic(domain))]
    assert {i.client_id for i in found} == {f"{domain}-s0", f"{domain}-s1"}


async def has_insights(broker: KafkaBroker, domain: str, count: int) -> bool:
    return len(await broker.read_all(insights_topic(domain))) >= count


async def judged(broker: KafkaBroker, address: str, domain: str, table: Path) -> None:
    process = start(address, domain, table, "--evaluate")

    async def evaluated() -> bool:
        events = [decode_json(r.value, Evaluation) for r in await broker.read_all("evaluations")]
        return any(e.domain == domain and e.clients == 2 for e in events)

    try:
        await until(evaluated)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """The commands set logging and SIGTERM up for a process of their own."""
    on_sigterm = signal.getsignal(signal.SIGTERM)
    names = ("", "aiokafka", "faust", "mode")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    signal.signal(signal.SIGTERM, on_sigterm)


@pytest.mark.usefixtures("kept_logging")
def test_what_a_person_got_wrong_is_one_line_and_exit_code_2(
    kafka_address: str,
    fresh_topics: Callable[[str], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    domain = fresh_topics("shops")
    profile, table = tmp_path / "domain.yaml", tmp_path / "shops.csv"
    profile.write_text(PROFILE.format(domain=domain))
    asyncio.run(all_topics(kafka_address, domain))
    client = ("client", "--data", str(table), "--domain", domain)

    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert main([*arguments, "--bootstrap-servers", kafka_address]) == 2
        told = capsys.readouterr().err
        assert len(told.strip().splitlines()) == 1, told
        return told

    assert "shops.csv: cannot be read" in refused(*client)
    table.write_text("a,b,y\n1,2,3\n4,many,6\n")
    assert f"domain {domain!r} is not declared" in refused(*client)
    assert main(["domain", "apply", str(profile), "--bootstrap-servers", kafka_address]) == 0
    assert "row 2 (line 3), column 'b': 'many'" in refused(*client)
    table.write_text("a,y\n1,2\n")
    assert "line 1: no column 'b'" in refused(*client)
    assert "--interval-s 0 must be positive" in refused(*client, "--interval-s", "0")
    profile.write_text(PROFILE.format(domain="no-topics"))
    assert "'no-topics' has no topics" in refused("domain", "apply", str(profile))


async def all_topics(address: str, domain: str) -> None:
    async with KafkaBroker(KafkaSettings(address)) as broker:
        await until(lambda: exists(broker, domain))
