"""The demo: a broker, every service in a process of its own, three domains, one report.

What runs is what an operator would run (`scarcity run …`); the client hosts are the demo's.
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from scarcity.broker.clock import now_ms
from scarcity.broker.declared import find_topics_file, load_topics
from scarcity.broker.embedded import DEFAULT_PORT, EmbeddedKafka
from scarcity.broker.following import follow
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.logs import OneLine
from scarcity.broker.process import free_port, port_is_free
from scarcity.broker.settings import KafkaSettings
from scarcity.dashboard.settings import DEFAULT_PORT as DASHBOARD_PORT
from scarcity.demo.children import (
    MEMORY_LIMIT,
    Address,
    clients_name,
    clients_spec,
    service_specs,
)
from scarcity.demo.domains import demo_profile, publish_profiles
from scarcity.demo.panels import PANEL_NAMES as DOMAINS
from scarcity.demo.run_directory import run_directory
from scarcity.learning.length_scales import LENGTH_SCALES
from scarcity.local.broker_keeper import BrokerKeeper
from scarcity.local.processes import Processes
from scarcity.local.system import apply_topics
from scarcity.monitor.screen import closing_table
from scarcity.monitor.settings import DEFAULT_PORT as MONITOR_PORT
from scarcity.monitor.view import SystemView
from scarcity.monitor.watching import WATCHED_TOPICS, Display, fold_topics
from scarcity.reports.page import render_report

REFRESH_S = 0.5
STOPPING_S = 8.0  # of the time limit are kept for stopping everything and writing the report
# Clients begin this long after the services, even when nobody has judged the start.
BEGIN_AFTER_S = 15.0
BROKER_HEAP_MB = 512


@dataclass(frozen=True)
class DemoOptions:
    """What a person may choose.

    Attributes:
        rounds: of every domain.
        port: of the broker; None: the usual one, or a free one when it is taken.
        data_dir: the run makes a directory of its own in it; None: a temporary one.
        report: where the report is written.
        seconds_limit: the demo ends after this time, whatever was reached.
    """

    rounds: int = 400
    port: int | None = None
    data_dir: Path | None = None
    report: Path = Path("report.html")
    seconds_limit: float = 180.0


def is_finished(view: SystemView, domains: Sequence[str], rounds: int) -> bool:
    """Whether every domain has reached its rounds and was evaluated there."""
    for name in domains:
        domain = view.domains.get(name)
        last = domain.evaluations.last if domain else None
        if domain is None or last is None or min(domain.version, last.version) < rounds:
            return False
    return True


async def run_demo(options: DemoOptions, console: Console) -> bool:
    """Run the demo to its end; whether every domain reached its rounds.

    Raises:
        ServiceError: the broker or a service could not be kept running.
        InputError: an option does not fit this machine.
    """
    began = time.monotonic()
    with run_directory(options.data_dir) as directory:
        logs = directory / "logs"
        logs.mkdir()
        _log_to(logs / "demo.log")
        async with Processes(logs) as processes:
            kafka = _embedded(options, directory, console)
            keeper = BrokerKeeper(kafka, processes.guard)
            try:
                console.print("starting Kafka …", highlight=False)
                await keeper.start()
                settings = KafkaSettings(kafka.bootstrap_servers)
                await _declare(settings)
                run = _Run(options, settings, keeper, processes, console, began)
                done = await run.learn()
            finally:
                await processes.stop()
                await keeper.stop()
    _close(run.view, options, time.monotonic() - began, done, console)
    return done


async def _declare(settings: KafkaSettings) -> None:
    declared = load_topics(find_topics_file(None, os.environ))
    await asyncio.to_thread(apply_topics, settings, declared, DOMAINS)
    async with KafkaBroker(settings, "scarcity-demo") as broker:
        await publish_profiles(broker, [demo_profile(name) for name in DOMAINS], now_ms())


class _Run:
    """A broker with topics and domains; what remains is to let them learn."""

    def __init__(
        self,
        options: DemoOptions,
        settings: KafkaSettings,
        keeper: BrokerKeeper,
        processes: Processes,
        console: Console,
        began: float,
    ) -> None:
        self.view = SystemView(MEMORY_LIMIT)
        self._options = options
        self._settings = settings
        self._keeper = keeper
        self._processes = processes
        self._console = console
        self._began = self._services_began = began
        monitor_port = MONITOR_PORT if port_is_free(MONITOR_PORT) else free_port()
        board_port = DASHBOARD_PORT if port_is_free(DASHBOARD_PORT) else free_port()
        self._address = Address(settings.bootstrap_servers, monitor_port, board_port)

    async def learn(self) -> bool:
        """Start the processes and show the view until all is done or the time is over."""
        self._services_began = time.monotonic()
        self._processes.start(service_specs(self._address, DOMAINS))
        batches = follow(self._settings, WATCHED_TOPICS)
        tasks = [
            asyncio.create_task(self._keeper.keep()),
            asyncio.create_task(fold_topics(batches, self.view)),
        ]
        goal = self._options.rounds
        try:
            with Display(self.view, self._console, now_ms, goal=goal) as display:
                display.say(self._where())
                while not (done := is_finished(self.view, DOMAINS, goal)):
                    if self._taken_s >= self._options.seconds_limit - STOPPING_S:
                        break
                    display.show(self._status())
                    finished, _ = await asyncio.wait(tasks, timeout=REFRESH_S)
                    for task in finished:
                        task.result()
                    self._processes.check()
                    self._start_and_finish_hosts()
                display.show()
            return done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start_and_finish_hosts(self) -> None:
        """Clients begin once the new clients were judged without them: the curves' first point."""
        late = time.monotonic() - self._services_began > BEGIN_AFTER_S
        started = {child.spec.name for child in self._processes.children}
        for name in DOMAINS:
            domain = self.view.domains.get(name)
            judged = domain is not None and domain.evaluations.last is not None
            if clients_name(name) not in started and (judged or late):
                self._processes.start([clients_spec(self._address, name)])
            if domain is not None and domain.version >= self._options.rounds:
                self._processes.finish(clients_name(name))

    @property
    def _taken_s(self) -> float:
        return time.monotonic() - self._began

    def _where(self) -> str:
        servers, port = self._address.servers, self._address.monitor_port
        return (
            f"watch it learn: http://127.0.0.1:{self._address.dashboard_port}/\n"
            f"Kafka at {servers} · metrics at http://127.0.0.1:{port}/metrics · "
            f"logs in {self._processes.log_dir}\n"
            f"second terminal: scarcity watch --bootstrap-servers {servers}"
        )

    def _status(self) -> str:
        restarts = self._processes.restarts + self._keeper.restarts
        restarted = f" · {restarts} processes restarted" if restarts else ""
        limit_s = self._options.seconds_limit
        return f"{self._taken_s:.0f} of at most {limit_s:.0f} s{restarted} · Ctrl-C stops all"


def _embedded(options: DemoOptions, directory: Path, console: Console) -> EmbeddedKafka:
    port = options.port
    if port is None:
        port = DEFAULT_PORT if port_is_free(DEFAULT_PORT) else free_port()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    return EmbeddedKafka(port, directory / "kafka", BROKER_HEAP_MB, say=say)


def _log_to(file: Path) -> None:
    # Lines on stderr would tear the live picture.
    handler = logging.FileHandler(file)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]


def _close(
    view: SystemView, options: DemoOptions, taken_s: float, done: bool, console: Console
) -> None:
    written = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC")
    page = render_report(
        view, stretch=f"{taken_s:.0f} s", written=written, length_scales=LENGTH_SCALES
    )
    options.report.write_text(page, "utf-8")
    console.print(closing_table(view))
    rounds = sum(max(0, domain.version) for domain in view.domains.values())
    reached = "" if done else " (the time limit came first)"
    console.print(
        f"{rounds} rounds in {taken_s:.0f} s{reached} · privacy mode: "
        f"{', '.join(view.privacy_modes) or '?'} · report: {options.report.resolve()}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
