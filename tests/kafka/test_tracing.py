"""One trace an insight, over a real broker, all services as they run, to a real OTLP receiver."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest
from tests.client.worlds import profile, rows
from tests.kafka.command_line import scarcity
from tests.kafka.memory_worker import MEMORY, until_folded
from tests.kafka.meta_worker import MetaProcesses
from tests.telemetry.collector import Received, collector

from scarcity.broker.clock import now_ms
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.outgoing import profile_record
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.events.topics import GLOBAL_MEMORY, META_PARAMETERS, insights_topic
from scarcity.memory.global_memory import GlobalMemory
from scarcity.telemetry.otlp import OtlpSpans, spans_of
from scarcity.telemetry.trace_context import contexts_of

pytestmark = pytest.mark.kafka

TOPIC = insights_topic("economic")
PARTS = [
    ("scarcity-client", "client.insight"),
    ("scarcity-memory", "memory.fold"),
    ("scarcity-meta", "meta.update"),
    ("scarcity-client", "client.apply"),
]


def parts(trace: list[Received]) -> list[tuple[str, str]]:
    return [(span.service, span.name) for span in trace]


@pytest.mark.timeout(120)
async def test_one_trace_holds_the_spans_of_all_four_parts(
    own_kafka: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, names = own_kafka.bootstrap_servers, ("a", "b")
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("SCARCITY_LOG", "json")
        monkeypatch.setenv("SCARCITY_BOOTSTRAP_SERVERS", address)
        spans = spans_of(os.environ, "client")
        assert isinstance(spans, OtlpSpans)
        group = ClientGroup(profile("economic"), {n: rows(i) for i, n in enumerate(names)})
        with MetaProcesses(address, tmp_path) as meta, (tmp_path / "memory.log").open("wb") as log:
            memory = await asyncio.create_subprocess_exec(
                *(os.sys.executable, "-c", MEMORY), stderr=log
            )
            meta.start()
            async with KafkaBroker(KafkaSettings(address)) as broker:
                await broker.publish(profile_record(profile("economic"), now_ms=now_ms()))
                host = ClientHost(broker, group, Pacing(3.0), now_ms=now_ms, spans=spans)
                running = asyncio.create_task(host.run())
                while not any(parts(t) == PARTS for t in found.traces().values()):
                    assert memory.returncode is None
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.1)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                versions = await broker.read_all(META_PARAMETERS)
                await until_folded(address, TOPIC)
                folded = await latest_by_key(KafkaSettings(address), GLOBAL_MEMORY)
                told = GlobalMemory(partitions=3).fold(await broker.read_all(TOPIC)).changed
            # Neither the fold nor the ledger knows of traces.
            assert {key: record.value for key, record in folded.items()} == {
                out.key: out.value for out in told
            }
            await scarcity(address, "audit", "verify")
            memory.terminate()
            assert await memory.wait() == 0
            lines = meta.started[0].log.read_text().splitlines()
        spans.close()
    trace = next(t for t in found.traces().values() if parts(t) == PARTS)
    begun, fold, update, applied = trace
    # Each is the child of the one before, whichever process it ran in.
    assert [s.parent for s in trace] == ["", begun.span, fold.span, update.span]
    assert begun.attributes["scarcity.client"] == applied.attributes["scarcity.client"]
    assert fold.attributes["messaging.destination.name"] == "insights.economic"
    assert update.attributes["scarcity.version"] == applied.attributes["scarcity.version"]
    assert all(span.start_ns <= span.end_ns and not span.is_error for span in trace)
    # Two clients, a version of both: one record that carries both traces.
    carried = [contexts_of(record.headers) for record in versions]
    assert max(map(len, carried)) == 2
    # The log is a JSON object a line, and names the trace.
    told = [orjson.loads(line) for line in lines]
    assert {line["service"] for line in told} == {"meta"}
    assert any(
        line.get("trace_id") in found.traces() and line["domain"] == "economic"
        for line in told
        if "trace_id" in line
    )
