"""Each view over a real broker, and what is asked of the audit from the page."""

import asyncio

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Looker
from tests.browser.worlds import outgoing, publish
from tests.dashboard.feeding import EVIL
from tests.monitor import records

pytestmark = pytest.mark.kafka
TITLES = (
    "Loss over rounds", "New clients against their own best", "Ten experts",
    "What transfer gave", "Privacy spent", "Staleness", "The last round",
)  # fmt: skip


async def test_the_overview_shows_every_domain_and_moves_with_the_topics(
    looker: Looker, dashboard: str, kafka_address: str
) -> None:
    page = await looker.open(dashboard)
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(3)
    await expect(rows.filter(has_text="retail").locator("td").first).to_have_text("25")
    before = await page.locator(".tile", has_text="Dead letters").locator(".big").inner_text()
    await publish(kafka_address, [outgoing(records.parked("malformed"))])
    tile = page.locator(".tile", has_text="Dead letters").locator(".big")
    await expect(tile).to_have_text(str(int(before) + 1))


async def test_a_domain_shows_losses_experts_transfer_privacy_and_staleness(
    looker: Looker, dashboard: str
) -> None:
    page = await looker.open(f"{dashboard}/#/domain/bakery")
    await expect(page.locator("h1")).to_have_text("bakery")
    for title in TITLES:
        await expect(page.get_by_role("heading", name=title)).to_be_visible()
    await expect(page.locator(".expert")).to_have_count(10)
    await expect(page.locator(".expert svg")).to_have_count(30)
    await expect(page.locator(".bars li").filter(has_text="family")).to_be_visible()
    await page.get_by_label("Domain").select_option("clinic")
    await expect(page.locator("h1")).to_have_text("clinic")


async def test_gossip_draws_who_trades_and_who_is_left_out(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/gossip/retail")
    await expect(page.locator(".ring .node")).to_have_count(5)
    await expect(page.locator(".ring .edge")).to_have_count(10)
    await expect(page.locator(".ring .edge.out")).to_have_count(3)
    await page.locator(".ring a").first.click()
    await expect(page.locator("h1")).to_contain_text("client-0")


async def test_memory_shows_shares_against_the_bound(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/memory")
    await expect(page.locator(".tile", has_text="Bound").locator(".big")).to_have_text("1,000")
    await expect(page.locator("tbody tr")).to_have_count(3)


async def test_clients_are_searched_and_one_is_looked_at(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/clients")
    await page.get_by_label("Search").fill("client-4")
    await page.get_by_label("Domain").select_option("retail")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_contain_text("quarantined by an operator")
    await page.get_by_role("link", name="client-4").click()
    await expect(page.get_by_role("heading", name="Its losses")).to_be_visible()
    await expect(page.locator(".hint.bad")).to_contain_text("count no more")


async def test_a_version_is_verified_from_the_page(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/audit?domain=retail")
    await expect(page.locator(".tile", has_text="Chain").locator(".big")).to_have_text("whole")
    await page.get_by_role("button", name="Verify retail version 9").click()
    answer = page.locator(".answer").first
    await expect(answer).to_contain_text("Verify retail@9")
    await expect(answer.locator(".badge.good")).to_contain_text("equal", timeout=90_000)
    await expect(page.locator(".chain .badge", has_text="verified: equal")).to_be_visible()


async def test_what_if_and_influence_are_answered(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/client/retail/client-4")
    await page.get_by_role("button", name="What if it had not taken part?").click()
    await page.get_by_role("button", name="Compute its influence").click()
    curves = page.locator(".answer", has_text="retail without client-4")
    await expect(curves.locator(".chart")).to_have_count(2, timeout=90_000)
    influence = page.locator(".answer", has_text="Influence of client-4")
    await expect(influence.locator("tbody tr")).to_have_count(8, timeout=90_000)


async def test_an_unknown_client_gets_no_answer_and_the_reason(
    looker: Looker, dashboard: str
) -> None:
    page = await looker.open(f"{dashboard}/#/audit")
    await page.get_by_label("Without client").fill("nobody")
    await page.get_by_role("button", name="Fold again").click()
    answer = page.locator(".answer", has_text="without nobody")
    await expect(answer).to_contain_text("no answer", timeout=90_000)


async def test_dead_letters_show_reason_source_and_payload(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/dead-letters?reason=malformed")
    letter = page.locator(".letter", has_text="insights.retail[1]@7")
    await expect(letter).to_contain_text("scarcity dead-letters show")
    await letter.locator("summary").click()
    await expect(letter.locator("pre")).to_contain_text("onerror")


async def test_a_client_whose_name_is_html_does_nothing(looker: Looker, dashboard: str) -> None:
    for view in ("clients?search=img", "dead-letters", "overview", "memory"):
        page = await looker.open(f"{dashboard}/#/{view}")
        await asyncio.sleep(0.3)
        assert await page.evaluate("typeof window.owned") == "undefined"
        assert await page.locator("main img, main script, main iframe").count() == 0
        await page.close()
    page = await looker.open(f"{dashboard}/#/clients?search=img")
    await page.get_by_role("link", name="img src").click()
    await expect(page.locator("h1")).to_contain_text(EVIL)
    await page.get_by_role("button", name="Compute its influence").click()
    await expect(page.locator(".answer").first).to_contain_text("no answer", timeout=90_000)
    assert await page.evaluate("typeof window.owned") == "undefined"
