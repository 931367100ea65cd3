"""`scarcity status` and `scarcity report` over a real broker, from the topics alone."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from tests.kafka.command_line import scarcity
from tests.kafka.test_monitor_service import outgoing
from tests.monitor import records

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings

pytestmark = pytest.mark.kafka


async def test_status_and_report_tell_what_the_topics_hold(
    kafka_address: str, fresh_topics: Callable[[str], str], tmp_path: Path
) -> None:
    domain = fresh_topics("told")
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        await broker.publish(
            outgoing(records.profile(domain)),
            outgoing(records.insight("a", domain)),
            outgoing(records.memory("a", domain)),
            outgoing(records.ledger(domain, 7)),
        )
        assert f"{domain} " in await scarcity(kafka_address, "status")
        document = orjson.loads(await scarcity(kafka_address, "status", "--json"))
        assert document["domains"][domain]["version"] == 7
        assert document["domains"][domain]["insights"]["published"] == 1

        page, tables = tmp_path / "page.html", tmp_path / "tables"
        told = await scarcity(kafka_address, "report", "--out", str(page), "--parquet", str(tables))
        assert "rows: insights" in told
        assert f"<h2>{domain}</h2>" in page.read_text()
        rounds = pq.read_table(tables / "rounds.parquet").to_pylist()
        assert [row["version"] for row in rounds if row["domain"] == domain] == [7]

        within = ("--since", "1h", "--out", str(page), "--parquet", str(tables))
        await scarcity(kafka_address, "report", *within)
        insights = pq.read_table(tables / "insights.parquet").to_pylist()
        assert [row["client_id"] for row in insights if row["domain"] == domain] == ["a"]
        assert "shows a part of the log" in page.read_text()

        before = ("--until", "2020-01-01", "--out", str(page), "--parquet", str(tables))
        await scarcity(kafka_address, "report", *before)
        assert pq.read_table(tables / "insights.parquet").num_rows == 0
