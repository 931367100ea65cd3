"""The dashboard's process: follows the topics into a board, serves the pages, asks the audit.

`scarcity dashboard` runs it by itself; `scarcity run monitor` serves the pages beside its metrics
when SCARCITY_DASHBOARD_PORT is set, from one reading of the topics.
"""

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, Hashable, Mapping
from contextlib import suppress

import msgspec
import orjson
from aiohttp import web
from aiokafka.errors import KafkaError
from mode import Service

from scarcity.broker.clock import now_ms
from scarcity.broker.faust_app import ScarcityApp, run_app
from scarcity.broker.following import follow
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.dashboard.board import Board
from scarcity.dashboard.hub import Hub
from scarcity.dashboard.jobs import Asked, Jobs
from scarcity.dashboard.pages.all import make
from scarcity.dashboard.pages.common import Document, Question, State
from scarcity.dashboard.settings import PORT_KEY, DashboardSettings
from scarcity.dashboard.web import Pages
from scarcity.events.errors import BrokerError, InputError
from scarcity.monitor.service import Monitoring, build_app, follow_groups
from scarcity.monitor.settings import MonitorSettings
from scarcity.monitor.watching import WATCHED_TOPICS, fold_topics

logger = logging.getLogger(__name__)

TICK_S = 0.1
LOOK_S = 1.0  # between two looks at whether the broker answers
CONNECT_S = 2.0
READ_AGAIN_S = 3.0
PAUSE_S = 0.1  # after a small batch
MAX_LINE = 4 << 20  # of an audit's answer


class Dashboard:
    """The board and what watches it.

    Args:
        monitoring: holds the board, which may be replaced, and the newest look at the groups.
    """

    def __init__(self, settings: KafkaSettings, pages: DashboardSettings, monitoring: Monitoring):
        self._settings = settings
        self._pages = pages
        self._monitoring = monitoring
        self._state = State(servers=settings.bootstrap_servers)
        self._newest_ms = 0
        self.jobs = Jobs(self._audit, time.monotonic)
        self.hub = Hub(self._make, self._seen, secrets.token_hex(4))

    @property
    def board(self) -> Board:
        """What the topics say."""
        assert isinstance(self._monitoring.view, Board)
        return self._monitoring.view

    def trouble(self, text: str) -> None:
        """The topics cannot be read; empty: they can again."""
        self._state.trouble = text

    async def serve(self) -> None:
        """Serve the pages, for ever.

        Raises:
            InputError: the port is taken, or the address is not one of this machine.
        """
        pages = Pages(self.hub, self.jobs, self._pages.access, time.monotonic)
        runner = web.AppRunner(pages.app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        bind, port = self._pages.bind, self._pages.port
        try:
            try:
                await web.TCPSite(runner, bind, port).start()
            except OSError as error:
                raise InputError(
                    f"the dashboard cannot listen on {bind}:{port} ({error.strerror}): "
                    f"choose another port by {PORT_KEY}"
                ) from None
            logger.warning("the dashboard is at http://%s:%d/", bind, port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tick())
                tasks.create_task(self._look())
                tasks.create_task(self.jobs.run())
        finally:
            self.hub.close()
            await runner.cleanup()

    async def _tick(self) -> None:
        while True:
            self._refresh()
            self.hub.tick(time.monotonic())
            await asyncio.sleep(TICK_S)

    def _refresh(self) -> None:
        state, monitoring, newest_ms = self._state, self._monitoring, self.board.newest_ms
        was_there, state.caught_up = state.caught_up, monitoring.caught_up.is_set()
        state.lag, state.workers = monitoring.groups.lag, monitoring.groups.members
        state.jobs = list(self.jobs.documents)
        if newest_ms != self._newest_ms:
            # The pauses of reader and tick are in it: what a page shows is no older.
            self._newest_ms = newest_ms
            state.behind_ms = max(0, now_ms() - newest_ms) if was_there else None

    def _make(self, question: Question) -> Document:
        self._refresh()
        return make(self.board, self._state, question, now_ms())

    def _seen(self) -> Hashable:
        state = self._state
        return (
            now_ms() // 1000, self.board.records, self.jobs.changes, state.away_since_ms,
            state.trouble, state.caught_up,
        )  # fmt: skip

    async def _look(self) -> None:
        """See whether the broker answers: readers that wait for it do not say so."""
        while True:
            answers = await _answers(self._settings.bootstrap_servers)
            if answers:
                self._state.away_since_ms = 0
            elif not self._state.away_since_ms:
                self._state.away_since_ms = now_ms()
            await asyncio.sleep(LOOK_S)

    async def _audit(self, asked: Asked) -> AsyncGenerator[Document, None]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scarcity.dashboard.audit_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={
                **self._pages.audit_environment(os.environ),
                "SCARCITY_BOOTSTRAP_SERVERS": self._settings.bootstrap_servers,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
            limit=MAX_LINE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(msgspec.json.encode(asked))
                process.stdin.close()
            async for line in process.stdout:
                told: Document = orjson.loads(line)
                yield told
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _answers(servers: str) -> bool:
    """Whether one of the servers takes a connection."""
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return True
    return False


async def run_dashboard(environ: Mapping[str, str]) -> None:
    """Follow the topics and serve the pages until cancelled.

    Raises:
        InputError: a setting is wrong, or the port is taken.
    """
    settings = KafkaSettings.from_environment(environ)
    monitor = MonitorSettings.from_environment(environ)
    monitoring = Monitoring(Board(monitor.memory_limit))
    dashboard = Dashboard(settings, DashboardSettings.from_environment(environ), monitoring)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow(settings, monitoring, dashboard))
            tasks.create_task(_follow_groups(settings, monitoring, monitor.lag_every_s))
            tasks.create_task(dashboard.serve())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _follow(settings: KafkaSettings, monitoring: Monitoring, dashboard: Dashboard) -> None:
    """Read the topics; from the start again, with a fresh board, when they could not be read."""
    while True:
        try:
            batches = follow(settings, WATCHED_TOPICS)
            await fold_topics(
                batches, monitoring.view, caught_up=monitoring.caught_up, pause_s=PAUSE_S
            )
        except BrokerError as error:
            logger.warning("%s; trying again", error)
            dashboard.trouble(str(error))
            await asyncio.sleep(READ_AGAIN_S)
            monitoring.caught_up.clear()
            monitoring.view = Board(monitoring.view.memory_limit)
            dashboard.trouble("")


async def _follow_groups(settings: KafkaSettings, monitoring: Monitoring, every_s: float) -> None:
    """As the monitor does; a broker that does not let us see the groups takes nothing else away."""
    while True:
        try:
            await follow_groups(settings, monitoring, every_s)
        except (BrokerError, KafkaError) as error:
            logger.warning("the consumer groups cannot be seen: %s", error)
            await asyncio.sleep(10 * every_s)


def attach(app: ScarcityApp, dashboard: Dashboard) -> None:
    """Let a monitor's worker serve the pages as well."""

    @app.service
    class DashboardPages(Service):
        """Serves the pages; an error ends the worker."""

        @Service.task
        async def _pages(self) -> None:
            await dashboard.serve()


def main(environ: Mapping[str, str]) -> None:
    """Run the monitor and, in the same process, the dashboard, until it is stopped."""
    settings = KafkaSettings.from_environment(environ)
    monitor = MonitorSettings.from_environment(environ)
    pages = DashboardSettings.from_environment(environ)
    monitoring = Monitoring(Board(monitor.memory_limit))
    app = build_app(settings, monitor, monitoring)
    attach(app, Dashboard(settings, pages, monitoring))
    run_app(app)


def run_alone(environ: Mapping[str, str]) -> None:
    """Run the dashboard alone until it is interrupted or terminated."""
    configure_logging(debug=bool(environ.get("SCARCITY_DEBUG")))
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_stopped(environ))


async def _until_stopped(environ: Mapping[str, str]) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await run_dashboard(environ)
