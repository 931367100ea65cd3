"""Keyboard, screen readers, phones, themes."""

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tests.browser.conftest import Looker

pytestmark = pytest.mark.kafka
VIEWS = ("overview", "domain/retail", "gossip/retail", "memory", "clients",
         "client/retail/client-1", "audit", "dead-letters")  # fmt: skip
# Texts on the page that are drawn smaller than 11 px.
SMALL_TEXT = """[...document.querySelectorAll('main *')]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11)
    .map((e) => e.textContent.slice(0, 30))"""
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def violations(page: Page) -> list[str]:
    found = await Axe().run(page, options=AXE)
    assert len(found.response["passes"]) > 10  # it did look
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]}"
        for one in found.response["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    looker: Looker, dashboard: str, scheme: Literal["light", "dark"]
) -> None:
    found = {}
    for view in VIEWS:
        page = await looker.open(f"{dashboard}/#/{view}")
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.wait_for_timeout(300)
        found[view] = await violations(page)
        await page.close()
    assert {view: told for view, told in found.items() if told} == {}


@pytest.mark.look(viewport={"width": 390, "height": 844}, has_touch=True)
async def test_a_phone_needs_no_sideways_scrolling_and_no_glass(
    looker: Looker, dashboard: str
) -> None:
    wide, small = {}, {}
    for view in VIEWS:
        page = await looker.open(f"{dashboard}/#/{view}")
        await page.wait_for_timeout(300)
        wide[view] = await page.evaluate("document.documentElement.scrollWidth")
        small[view] = await page.evaluate(SMALL_TEXT)
        await page.close()
    assert {view: width for view, width in wide.items() if width > 390} == {}
    assert {view: texts for view, texts in small.items() if texts} == {}


async def test_the_page_is_walked_by_keyboard_alone(looker: Looker, dashboard: str) -> None:
    page = await looker.open(dashboard)
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.locator(".brand").focus()
    seen: list[str] = []
    for _ in range(9):
        await page.keyboard.press("Tab")
        told = await page.evaluate(
            """(() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e.getAttribute('aria-label') || e.textContent.trim(), s.outlineStyle,
                    parseFloat(s.outlineWidth)]; })()"""
        )
        assert told[1] == "solid", told
        assert told[2] >= 2, told
        seen.append(told[0])
    assert seen[1:8] == ["Overview", "Domain", "Gossip", "Memory", "Clients", "Audit",
                         "Dead letters"]  # fmt: skip
    await page.get_by_role("link", name="Clients", exact=True).first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Clients")
    await expect(page.locator("main")).to_be_focused()


async def test_focus_stays_while_figures_change(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/clients")
    link = page.get_by_role("link", name="client-1", exact=True).first
    await link.focus()
    await page.wait_for_timeout(2_500)  # two changes at least: the clock of the page
    await expect(link).to_be_focused()


async def test_a_chart_is_read_by_arrow_keys(looker: Looker, dashboard: str) -> None:
    page = await looker.open(f"{dashboard}/#/domain/retail")
    chart = page.locator(".chart").first
    await chart.focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await expect(chart.locator(".reading")).to_contain_text("round 1")
    assert "round 1" in (await chart.get_attribute("aria-valuetext") or "")
    await page.keyboard.press("Escape")
    await expect(chart.locator(".reading")).to_have_count(0)


async def test_the_theme_follows_the_system_until_one_is_chosen(
    looker: Looker, dashboard: str
) -> None:
    page = await looker.open(dashboard)

    async def ground() -> str:
        found: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    light = await ground()
    await page.emulate_media(color_scheme="dark")
    dark = await ground()
    assert light != dark
    await page.get_by_role("button", name="Use the light theme").click()
    assert await ground() == light
    await page.reload()
    await page.wait_for_selector(".view")
    assert await ground() == light


async def test_the_page_works_without_anything_from_elsewhere(
    looker: Looker, dashboard: str
) -> None:
    asked: list[str] = []
    looker.context.on("request", lambda request: asked.append(request.url))
    for view in VIEWS:
        page = await looker.open(f"{dashboard}/#/{view}")
        await page.close()
    assert {url for url in asked if not url.startswith((dashboard, "data:"))} == set()
