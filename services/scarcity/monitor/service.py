"""The monitor's worker: follows every topic, serves `/metrics` and `/health`.

It keeps nothing: a restart reads the topics again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web as http
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from scarcity.broker.clock import now_ms
from scarcity.broker.faust_app import ScarcityApp, create_app, run_app
from scarcity.broker.following import follow
from scarcity.broker.groups import count_members, read_lag
from scarcity.broker.kafka import start_with_backoff
from scarcity.broker.settings import KafkaSettings
from scarcity.monitor.lag import groups_of
from scarcity.monitor.metrics import SERVICE_GROUPS, Groups, SystemCollector, exposition
from scarcity.monitor.settings import TOKEN_FILE_KEY, MonitorSettings
from scarcity.monitor.view import SystemView
from scarcity.monitor.watching import WATCHED_TOPICS, fold_topics

logger = logging.getLogger(__name__)

Handler = Callable[[http.Request], Awaitable[http.StreamResponse]]
HEALTH = "/health"
METRICS_HEADERS = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


@dataclass
class Monitoring:
    """What the worker holds: the view, whether it is up to date, the newest look at groups."""

    view: SystemView
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    groups: Groups = field(default_factory=Groups)

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


async def follow_groups(settings: KafkaSettings, monitoring: Monitoring, every_s: float) -> None:
    """Look at the consumer groups every so often; a broker that is away leaves the last reading."""
    admin = AIOKafkaAdminClient(**settings.client_options())
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    try:
        await start_with_backoff(admin.start, "read the lag of consumer groups", settings)
        await start_with_backoff(consumer.start, "read the lag of consumer groups", settings)
        while True:
            try:
                lag = await read_lag(admin, consumer, SERVICE_GROUPS)
                members = await count_members(admin, SERVICE_GROUPS)
            except KafkaError as error:
                if not error.retriable:
                    raise
            else:
                monitoring.groups = groups_of(lag, members, now_ms())
            await asyncio.sleep(every_s)
    finally:
        await consumer.stop()
        await admin.close()


def guard(monitor: MonitorSettings) -> Any:
    """A middleware that answers 401 to who does not show the token; HEALTH answers anybody."""

    @http.middleware
    async def check(request: http.Request, handler: Handler) -> http.StreamResponse:
        told = request.headers.get("Authorization", "")
        if request.path != HEALTH and not monitor.lets_in(told):
            return http.Response(
                status=401,
                text="A token is needed: Authorization: Bearer …\n",
                headers={"WWW-Authenticate": 'Bearer realm="scarcity"'},
            )
        return await handler(request)

    return check


def build_app(
    settings: KafkaSettings, monitor: MonitorSettings, monitoring: Monitoring
) -> ScarcityApp:
    """The Faust app: two supervised followers and two pages."""
    if monitor.is_open:
        logger.warning(
            "whoever reaches %s:%d may read the metrics: %s asks for a token",
            monitor.bind, monitor.port, TOKEN_FILE_KEY,
        )  # fmt: skip
    app = create_app(
        "monitor",
        settings,
        web_port=monitor.port,
        web_bind=monitor.bind,
        web_guard=guard(monitor),
    )
    app.ready_when = monitoring.caught_up.is_set

    @app.service
    class Followers(Service):
        """Reads topics and groups; an error ends the worker, and its restart reads again."""

        @Service.task
        async def _topics(self) -> None:
            batches = follow(settings, WATCHED_TOPICS)
            await fold_topics(batches, monitoring.view, caught_up=monitoring.caught_up)

        @Service.task
        async def _groups(self) -> None:
            await follow_groups(settings, monitoring, monitor.lag_every_s)

    @app.page("/metrics")
    async def metrics(web: Any, _request: Any) -> Any:
        collector = SystemCollector(monitoring.view, now_ms, lambda: monitoring.groups)
        return web.bytes(exposition(collector, process=True), headers=METRICS_HEADERS)

    @app.page(HEALTH)
    async def health(web: Any, request: Any) -> Any:
        status, body = monitoring.health(now_ms())
        if not monitor.lets_in(request.headers.get("Authorization", "")):
            body = {"status": body["status"]}
        return web.json(body, status=status)

    return app


def main(environ: Mapping[str, str]) -> None:
    """Run the monitor until it is stopped."""
    settings = KafkaSettings.from_environment(environ)
    monitor = MonitorSettings.from_environment(environ)
    view = SystemView(monitor.memory_limit)
    run_app(build_app(settings, monitor, Monitoring(view)))
