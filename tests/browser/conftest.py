"""A real broker, the dashboard over it, and a headless Chromium of the system that looks at it.

CHROMIUM names the browser; otherwise it is the one on the path.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from tests.browser.worlds import publish_world

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings

TOPICS_FILE = Path(__file__).parents[2] / "topics.yaml"
CLI = "import sys; from scarcity.cli import main; sys.exit(main())"
DOMAINS = ("retail", "bakery", "clinic")


def create_topics(address: str, domains: tuple[str, ...]) -> None:
    admin = TopicAdmin(KafkaSettings(address))
    live = admin.live()
    wanted = load_topics(TOPICS_FILE).expand(domains)
    admin.create({name: topic for name, topic in wanted.items() if name not in live})


@contextmanager
def dashboard_over(
    address: str, log: Path, *, port: int | None = None, **environ: str
) -> Iterator[tuple[str, int]]:
    """A dashboard in a process of its own; yields its URL and process id."""
    port = port or free_port()
    command = [sys.executable, "-c", CLI, "dashboard", "--bootstrap-servers", address]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=out,
            stderr=out,
            env={**os.environ, "SCARCITY_MEMORY_MAX_INSIGHTS": "1000", **environ},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(url):
            assert process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.1)
        yield url, process.pid
        process.terminate()
        assert process.wait(20) == 0, log.read_text(errors="replace")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker with the topics of the small world, published."""
    broker = EmbeddedKafka(0, tmp_path_factory.mktemp("kafka"), 256)
    broker.start()
    try:
        create_topics(broker.bootstrap_servers, DOMAINS)
        publish_world(broker.bootstrap_servers)
        yield broker.bootstrap_servers
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def dashboard(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a dashboard over the small world."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    with dashboard_over(kafka_address, log) as (url, _):
        yield url


@dataclass
class Looker:
    """A browser's context that notes what goes wrong in its pages."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A page that has drawn its view."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        await page.goto(url)
        await expect(page.locator(".view"), str(self.complaints)).to_be_visible(timeout=20_000)
        await expect(page.locator(".pill")).to_contain_text("live", timeout=60_000)
        return page

    def _hear(self, message: object) -> None:
        text = str(getattr(message, "text", message))
        # A stream that breaks off is told by the browser too; the page says so itself.
        if getattr(message, "type", "") in ("error", "warning") and "net::ERR" not in text:
            self.complaints.append(text)


@pytest.fixture
async def looker(request: pytest.FixtureRequest) -> AsyncIterator[Looker]:
    """A fresh browser; marks `look(**options)` are options of the context."""
    mark = request.node.get_closest_marker("look")
    options = {"viewport": {"width": 1280, "height": 900}} | (dict(mark.kwargs) if mark else {})
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        context = await browser.new_context(**options)
        found = Looker(context)
        yield found
        await browser.close()
    assert found.complaints == []
