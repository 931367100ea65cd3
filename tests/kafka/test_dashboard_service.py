"""The monitor's worker with the dashboard in it, over a real broker; the audit's process."""

import asyncio
import os
import signal
import sys
import urllib.request
from collections.abc import Callable

import orjson
import pytest
from tests.kafka.test_monitor_service import fetch, outgoing
from tests.monitor import records

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.dashboard.audit_process import main as audit_process
from scarcity.dashboard.pages.common import Document

pytestmark = pytest.mark.kafka
RUN = "import sys; from scarcity.cli import main; sys.exit(main(['run', 'monitor']))"


def first_document(url: str) -> Document:
    with urllib.request.urlopen(url, timeout=5) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                found: Document = orjson.loads(line[6:])
                return found
    raise AssertionError("no document came")


async def test_the_monitor_serves_the_dashboard_from_its_own_reading(
    kafka_address: str, fresh_topics: Callable[[str], str]
) -> None:
    domain = fresh_topics("board")
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        await broker.publish(
            outgoing(records.profile(domain)),
            outgoing(records.memory("a", domain)),
            outgoing(records.ledger(domain, 3)),
        )
    port, board_port = free_port(), free_port()
    environment = {
        **os.environ,
        "SCARCITY_BOOTSTRAP_SERVERS": kafka_address,
        "SCARCITY_MONITOR_PORT": str(port),
        "SCARCITY_DASHBOARD_PORT": str(board_port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, env=environment)
    try:
        url = f"http://127.0.0.1:{board_port}"
        while (await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/health"))[0] != 200:
            assert process.returncode is None
            await asyncio.sleep(0.1)
        assert b"<title>scarcity</title>" in (await asyncio.to_thread(fetch, f"{url}/"))[1]
        told = await asyncio.to_thread(first_document, f"{url}/events/domain?domain={domain}")
        assert (told["known"], told["facts"]["round"], told["facts"]["heard"]) == (True, 3, 1)
        assert told["status"]["caught_up"] is True
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_an_audit_says_what_it_cannot_answer(kafka_address: str) -> None:
    asked = orjson.dumps({"kind": "verify", "domain": "nowhere", "version": 1})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", audit_process.__module__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "SCARCITY_BOOTSTRAP_SERVERS": kafka_address},
    )
    printed, _ = await process.communicate(asked)
    lines = [orjson.loads(line) for line in printed.splitlines()]
    assert {"reading": "ledger"} in lines
    assert "nowhere" in lines[-1]["error"]
