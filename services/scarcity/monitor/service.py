"""The monitor's worker: follows every topic, serves `/metrics` and `/health` on the loopback.

It keeps nothing: a restart reads the topics again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from scarcity.broker.clock import now_ms
from scarcity.broker.faust_app import ScarcityApp, create_app, run_app
from scarcity.broker.following import follow
from scarcity.broker.kafka import start_with_backoff
from scarcity.broker.settings import KafkaSettings
from scarcity.monitor.metrics import SystemCollector, exposition
from scarcity.monitor.settings import MonitorSettings
from scarcity.monitor.view import SystemView
from scarcity.monitor.watching import WATCHED_TOPICS, fold_topics

OUR_GROUPS = "scarcity-"
# Meta joins this group to learn which worker is the active writer; it reads nothing by it, so that
# the distance to the end says nothing.
HELD_NOT_READ = frozenset({("scarcity-meta", "ledger")})
METRICS_HEADERS = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


@dataclass
class Monitoring:
    """What the worker holds: the view, whether it is up to date, the newest lag."""

    view: SystemView
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    lag: dict[tuple[str, str], int] = field(default_factory=dict)

    def health(self, at_ms: int) -> tuple[int, dict[str, Any]]:
        """HTTP status and body: 200 once the view has caught up with the topics, else 503."""
        ready = self.caught_up.is_set()
        newest_ms = self.view.newest_ms
        body = {
            "status": "ok" if ready else "reading",
            "records": self.view.records,
            "unreadable_records": self.view.unreadable,
            "domains": sorted(self.view.domains),
            "newest_record_age_s": round((at_ms - newest_ms) / 1000, 3) if newest_ms else None,
        }
        return (200 if ready else 503), body


async def read_lag(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer
) -> dict[tuple[str, str], int]:
    """Records that our consumer groups are behind the end of each topic, by (group, topic)."""
    lag: dict[tuple[str, str], int] = {}
    groups = [name for name, _ in await admin.list_consumer_groups()]
    for group in sorted(g for g in groups if g.startswith(OUR_GROUPS)):
        committed = await admin.list_consumer_group_offsets(group)
        if not committed:
            continue
        ends = await consumer.end_offsets(list(committed))
        for partition, position in committed.items():
            key = (group, partition.topic)
            if key in HELD_NOT_READ:
                continue
            behind = max(0, ends[partition] - max(0, position.offset))
            lag[key] = lag.get(key, 0) + behind
    return lag


async def follow_lag(settings: KafkaSettings, monitoring: Monitoring, every_s: float) -> None:
    """Read the lag every so often; a broker that is away leaves the last reading."""
    admin = AIOKafkaAdminClient(**settings.client_options())
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    try:
        await start_with_backoff(admin.start, "read the lag of consumer groups")
        await start_with_backoff(consumer.start, "read the lag of consumer groups")
        while True:
            try:
                monitoring.lag = await read_lag(admin, consumer)
            except KafkaError as error:
                if not error.retriable:
                    raise
            await asyncio.sleep(every_s)
    finally:
        await consumer.stop()
        await admin.close()


def build_app(
    settings: KafkaSettings, monitor: MonitorSettings, monitoring: Monitoring
) -> ScarcityApp:
    """The Faust app: two supervised followers and two pages."""
    app = create_app("monitor", settings, web_port=monitor.port)

    @app.service
    class Followers(Service):
        """Reads topics and lag; an error ends the worker, and its restart reads again."""

        @Service.task
        async def _topics(self) -> None:
            batches = follow(settings, WATCHED_TOPICS)
            await fold_topics(batches, monitoring.view, caught_up=monitoring.caught_up)

        @Service.task
        async def _lag(self) -> None:
            await follow_lag(settings, monitoring, monitor.lag_every_s)

    @app.page("/metrics")
    async def metrics(web: Any, _request: Any) -> Any:
        collector = SystemCollector(monitoring.view, now_ms, lambda: monitoring.lag)
        return web.bytes(exposition(collector), headers=METRICS_HEADERS)

    @app.page("/health")
    async def health(web: Any, _request: Any) -> Any:
        status, body = monitoring.health(now_ms())
        return web.json(body, status=status)

    return app


def main(environ: Mapping[str, str]) -> None:
    """Run the monitor until it is stopped."""
    settings = KafkaSettings.from_environment(environ)
    monitor = MonitorSettings.from_environment(environ)
    view = SystemView(monitor.memory_limit)
    run_app(build_app(settings, monitor, Monitoring(view)))
