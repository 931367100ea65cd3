"""A Faust app as every service uses it: read committed, quiet, no topic of its own, loopback web.

Faust reads uncommitted outside its own exactly-once mode (which loses tables), so its agents would
see records of aborted transactions: the transport here builds a read-committed consumer.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import aiokafka
import faust
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as driver
from mode import Service

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import kafka_errors
from scarcity.broker.http_token import LOOPBACK
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.health.heartbeat import READY, beat_for_ever, beating, heartbeat_file
from scarcity.health.stopping import leave_in_any_case

DEFAULT_WEB_PORT = 6066  # Faust wants a port even when its web is off
MAX_WEB_BODY = 4096  # no page of ours takes one


class ReadCommittedThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with a consumer that sees committed records only."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # Tables recover by the assignor that knows their changelogs; all else is spread evenly.
        self._assignor = (
            self.app.assignor if self.app.tables.changelog_topics else RoundRobinPartitionAssignor
        )
        return aiokafka.AIOKafkaConsumer(
            **transport.settings.consumer_options(),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            max_poll_records=conf.broker_max_poll_records,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        )


class ReadCommittedConsumer(driver.Consumer):
    """Faust's consumer with our thread."""

    def _new_consumer_thread(self) -> ReadCommittedThread:
        return ReadCommittedThread(self, loop=self.loop, beacon=self.beacon)


class SettingsProducer(driver.Producer):
    """Faust's producer with our client options (address, security)."""

    def _settings_auth(self) -> Mapping[str, Any]:
        transport: Any = self.transport
        options: dict[str, Any] = transport.settings.client_options()
        return options


class ReadCommittedTransport(driver.Transport):
    """Faust's Kafka transport over our settings."""

    Consumer: ClassVar[Any] = ReadCommittedConsumer
    Producer: ClassVar[Any] = SettingsProducer

    def __init__(self, settings: KafkaSettings, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.settings = settings


class ScarcityApp(faust.App):
    """A Faust app over KafkaSettings.

    Attributes:
        ready_when: whether it does its work, or stands by to do it; asked by the heartbeat.
    """

    def __init__(self, name: str, *, settings: KafkaSettings, **options: Any) -> None:
        super().__init__(name, **options)
        self.settings = settings
        self.ready_when: Callable[[], bool] = lambda: True

    def _new_transport(self) -> ReadCommittedTransport:
        return ReadCommittedTransport(self.settings, self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> ReadCommittedTransport:
        return ReadCommittedTransport(self.settings, self.conf.broker_producer, self)

    def _create_directories(self) -> None:
        """None: Faust would want one for tables, and a full disk is no reason not to start."""


class BoundedWorker(faust.Worker):
    """A Faust worker whose end is bounded: Faust's consumer thread can take minutes to stop."""

    _leaving = False

    async def _stop_on_signal(self, signal: signal.Signals) -> None:
        self._leave()
        await super()._stop_on_signal(signal)

    def _crash(self, reason: BaseException) -> None:
        self._leave()
        super()._crash(reason)

    def _leave(self) -> None:
        if not self._leaving:
            self._leaving = True
            leave_in_any_case(1)


def create_app(
    name: str,
    settings: KafkaSettings,
    *,
    web_port: int | None = None,
    web_bind: str = LOOPBACK,
    web_guard: Any = None,
) -> "ScarcityApp":
    """An app named `scarcity-<name>`, which is also its consumer group. It writes no file.

    Args:
        web_port: serve Faust's web on this port; None: no web server.
        web_bind: address it is served on.
        web_guard: a middleware of aiohttp that every request passes, to Faust's own pages too.
    """
    return ScarcityApp(
        f"scarcity-{name}",
        settings=settings,
        broker="kafka://" + settings.bootstrap_servers.replace(",", ";kafka://"),
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        autodiscover=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_commit_interval=1.0,
        # Faust would miss a worker killed by force after a minute.
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.session_timeout_s,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=5000,
        web_enabled=web_port is not None,
        web_bind=web_bind,
        web_host=LOOPBACK,
        web_application_options={
            "middlewares": [web_guard] if web_guard else [],
            "client_max_size": MAX_WEB_BODY,
        },
        web_port=web_port or DEFAULT_WEB_PORT,
        web_tables_enabled=False,
        worker_redirect_stdouts=False,
    )


async def wait_for_broker(settings: KafkaSettings, what: str) -> None:
    """Return once the broker answers; says so once when it does not (`start_with_backoff`)."""
    # A consumer that is stopped right after its start cancels its own caller (aiokafka 0.14).
    probe = AIOKafkaAdminClient(**settings.client_options())
    try:
        await start_with_backoff(probe.start, what, settings)
    finally:
        await probe.close()


def run_app(app: ScarcityApp) -> None:
    """Run the worker until SIGINT or SIGTERM; waits for a broker that is not there yet.

    Returns after a clean stop.

    Raises:
        BrokerError: the broker refused the service for good.
        SystemExit: the worker crashed (code 1); the reason is in the log.
    """
    service = str(app.conf.id).removeprefix("scarcity-")
    configure_logging(debug=bool(os.environ.get("SCARCITY_DEBUG")), service=service)
    asyncio.run(_wait_and_beat(app))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app.loop = loop
    # Without agents there is nothing to subscribe to, and Faust's consumer would crash.
    app.producer_only = not app.agents
    _beat(app)
    worker = BoundedWorker(app, loop=loop, override_logging=False, quiet=True)
    worker.spinner = None
    with kafka_errors(app.conf.id):
        try:
            worker.execute_from_commandline()
        except SystemExit as stop:
            if stop.code:
                raise


async def _wait_and_beat(app: ScarcityApp) -> None:
    async with beating(heartbeat_file(os.environ), lambda: "waits for the broker"):
        await wait_for_broker(app.settings, app.conf.id)


def _beat(app: ScarcityApp) -> None:
    @app.service
    class Heartbeat(Service):
        @Service.task
        async def renew_heartbeat(self) -> None:
            await beat_for_ever(
                heartbeat_file(os.environ), lambda: READY if app.ready_when() else "starts"
            )
