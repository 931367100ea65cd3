"""What the page says and does when the broker or its own server goes away."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Looker, create_topics, dashboard_over
from tests.browser.worlds import outgoing, publish
from tests.monitor import records

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.events.types import Outgoing

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


async def test_a_broker_that_restarts_is_told_of_and_followed_again(
    looker: Looker, tmp_path: Path
) -> None:
    broker = EmbeddedKafka(0, tmp_path / "kafka", 256)
    await asyncio.to_thread(broker.start)
    try:
        address = broker.bootstrap_servers
        await asyncio.to_thread(create_topics, address, ("retail",))
        await publish(address, [outgoing(records.profile("retail")), *_round(1)])
        with dashboard_over(address, tmp_path / "log") as (url, _):
            page = await looker.open(url)
            round_shown = page.locator("tbody tr td").first
            await expect(round_shown).to_have_text("1")
            await asyncio.to_thread(broker.stop)
            await expect(page.locator("#alerts")).to_contain_text("does not answer", timeout=20_000)
            await expect(page.locator(".pill")).to_contain_text("broker away")
            await expect(round_shown).to_have_text("1")  # what was seen stays
            await asyncio.to_thread(broker.start)
            await expect(page.locator("#alerts")).to_be_empty(timeout=60_000)
            await publish(address, _round(2))
            await expect(round_shown).to_have_text("2", timeout=60_000)
            await expect(page.locator(".pill")).to_contain_text("live")
    finally:
        await asyncio.to_thread(broker.stop)


async def test_a_server_that_restarts_is_told_of_and_shows_the_same_from_the_topics(
    looker: Looker, kafka_address: str, tmp_path: Path
) -> None:
    with dashboard_over(kafka_address, tmp_path / "log") as (url, _):
        page = await looker.open(f"{url}/#/domain/retail")
        before = await page.locator(".experts").inner_text()
    await expect(page.locator("#alerts")).to_contain_text("server does not answer")
    await expect(page.locator(".pill")).to_contain_text("no connection")
    with dashboard_over(kafka_address, tmp_path / "log", port=int(url.rpartition(":")[2])):
        await expect(page.locator("#alerts")).to_be_empty(timeout=30_000)
        await expect(page.locator(".pill")).to_contain_text("live", timeout=30_000)
        assert await page.locator(".experts").inner_text() == before


async def test_a_token_lets_in_whoever_has_it(
    looker: Looker, kafka_address: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    environ = {"SCARCITY_DASHBOARD_TOKEN_FILE": str(tmp_path / "token")}
    with dashboard_over(kafka_address, tmp_path / "log", **environ) as (url, _):
        page = await looker.context.new_page()
        await page.goto(url)
        await page.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Token").fill("0123456789abcdef")
        await page.get_by_role("button").click()
        await expect(page.locator("h1")).to_have_text("Overview", timeout=20_000)
        assert "0123456789abcdef" not in page.url


def _round(version: int) -> list[Outgoing]:
    return [outgoing(records.ledger("retail", version))]
