"""10 000 clients in 50 domains; the delay and the memory are printed, not judged."""

import asyncio
import time
from itertools import cycle, islice
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Looker, create_topics, dashboard_over
from tests.browser.worlds import crowd, crowd_domains, heard, outgoing, publish
from tests.monitor import records

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.types import Outgoing

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
CLIENTS, DOMAINS = 10_000, 50
STEADY_S = 20  # insights and memory records go on for this long while the page is open
LOOKS = 12

# Notes when the overview's row of a domain shows a round.
WATCH = """(domain) => { window.shown = {};
  const look = () => { const row = [...document.querySelectorAll('tbody tr')]
      .find((r) => r.querySelector('th').textContent.startsWith(domain));
    if (row) { const round = row.querySelector('td').textContent;
      if (!(round in window.shown)) window.shown[round] = Date.now(); } };
  new MutationObserver(look).observe(document.body,
    {subtree: true, childList: true, characterData: true}); look(); }"""


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def test_a_crowd_is_shown_and_the_page_stays_behind_by_little(
    looker: Looker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = EmbeddedKafka(0, tmp_path / "kafka", 384)
    await asyncio.to_thread(broker.start)
    try:
        address, domains = broker.bootstrap_servers, crowd_domains(DOMAINS)
        await asyncio.to_thread(create_topics, address, domains)
        await publish(address, crowd(domains, CLIENTS, int(time.time() * 1000)))
        with dashboard_over(address, tmp_path / "log") as (url, pid):
            page = await looker.open(url)
            await expect(page.locator("tbody tr")).to_have_count(DOMAINS, timeout=60_000)
            tile = page.locator(".tile", has_text="Clients active").locator(".note")
            await expect(tile).to_have_text("of 10,000 heard", timeout=60_000)
            before = resident_mb(pid)
            delays = await _watch(page, address, domains)
            after = resident_mb(pid)
            await page.goto(f"{url}/#/clients?search=client-09999")
            await expect(page.locator("tbody tr")).to_have_count(1)
            assert await page.locator("*").count() < 3_000
            await page.goto(f"{url}/#/clients")
            await expect(page.locator("tbody tr")).to_have_count(50)
    finally:
        await asyncio.to_thread(broker.stop)
    ordered = sorted(delays)
    with capsys.disabled():
        print(
            f"\n{CLIENTS} clients, {DOMAINS} domains: from a record to the screen "
            f"{ordered[len(ordered) // 2]} ms (median of {len(ordered)}), {ordered[-1]} ms (most); "
            f"memory {before:.0f} MB, after {STEADY_S} s of insights {after:.0f} MB"
        )


async def _watch(page: Page, address: str, domains: tuple[str, ...]) -> list[int]:
    """Publish a crowd's insights steadily, and rounds of one domain; how long each took, ms."""
    await page.evaluate(WATCH, domains[7])
    published: dict[str, float] = {}
    async with KafkaBroker(KafkaSettings(address)) as broker:
        steady = asyncio.create_task(_go_on(broker, domains))
        for number in range(LOOKS):
            await asyncio.sleep(STEADY_S / LOOKS)
            version = 100 + number
            published[str(version)] = time.time() * 1000
            await broker.publish(outgoing(records.ledger(domains[7], version)))
        while not await page.evaluate(f"'{version}' in window.shown"):
            await asyncio.sleep(0.1)
        steady.cancel()
        await asyncio.gather(steady, return_exceptions=True)
    shown = await page.evaluate("window.shown")
    return [round(shown[version] - at) for version, at in published.items()]


async def _go_on(broker: KafkaBroker, domains: tuple[str, ...]) -> None:
    """Some 500 insights a second, and the memory's record of each."""
    numbers = cycle(range(CLIENTS))
    while True:
        found: list[Outgoing] = []
        for number in islice(numbers, 100):
            name, domain = f"client-{number:05}", domains[number % len(domains)]
            found += heard(name, domain, int(time.time() * 1000), accepted=2)
        await broker.publish(*found)
        await asyncio.sleep(0.2)
