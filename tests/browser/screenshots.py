"""Screenshots of every view, light, dark and on a phone: `python -m tests.browser.screenshots URL`.

They are taken of a dashboard that runs, e.g. of `scarcity demo`, and kept in docs/screenshots.
"""

import argparse
import asyncio
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

OUT = Path(__file__).parents[2] / "docs" / "screenshots"
WIDE, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 844}
TALLEST = 1500  # pixels; what lies below is more of the same


def views(domain: str, client: str) -> dict[str, str]:
    """Address of each view."""
    return {
        "overview": "overview",
        "domain": f"domain/{domain}",
        "gossip": f"gossip/{domain}",
        "memory": "memory",
        "clients": "clients",
        "client": f"client/{domain}/{client}",
        "audit": f"audit?domain={domain}",
        "dead-letters": "dead-letters",
    }


async def ask(page: Page, url: str, domain: str, client: str, version: int) -> None:
    """Let the audit answer something, so that its answers are on the screen."""
    await page.goto(f"{url}/#/audit?domain={domain}")
    await page.wait_for_selector(".view")
    for question in (
        {"kind": "without", "domain": domain, "client": client},
        {"kind": "influence", "domain": domain, "client": client},
        {"kind": "verify", "domain": domain, "version": version},
    ):
        await page.evaluate(
            """(question) => fetch('/api/jobs', {method: 'POST', body: JSON.stringify(question),
            headers: {'Content-Type': 'application/json', 'X-Scarcity-Dashboard': '1'}})""",
            question,
        )
    await page.locator(".answer progress").first.wait_for(state="attached")
    while await page.locator(".answer progress, .answer .soft:has-text('Waits')").count():
        await asyncio.sleep(0.5)


async def shoot(browser: Browser, url: str, mode: str, addresses: dict[str, str]) -> None:
    """All views in one mode."""
    context = await browser.new_context(
        viewport=PHONE if mode == "phone" else WIDE,
        color_scheme="dark" if mode == "dark" else "light",
        has_touch=mode == "phone",
    )
    page = await context.new_page()
    for name, address in addresses.items():
        await page.goto(f"{url}/#/{address}")
        await page.wait_for_selector(f".view.{name}")
        await page.wait_for_timeout(1_500)
        taken = Image.open(io.BytesIO(await page.screenshot(full_page=True)))
        cut = taken.crop((0, 0, taken.width, min(taken.height, TALLEST)))
        cut.convert("RGB").save(OUT / f"{name}-{mode}.png", optimize=True)
    await context.close()


async def main(
    url: str, domain: str, client: str, version: int, *, asks: bool, only: list[str]
) -> None:
    """Take them all, or those of some views."""
    OUT.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        if asks:
            page = await browser.new_page()
            await ask(page, url, domain, client, version)
        for mode in ("light", "dark", "phone"):
            chosen = views(domain, client)
            await shoot(
                browser, url, mode, {n: a for n, a in chosen.items() if n in (only or chosen)}
            )
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--domain", default="economic")
    parser.add_argument("--client", default="economic-IRAN")
    parser.add_argument("--version", type=int, default=60)
    parser.add_argument("--no-audit", action="store_true", help="ask the audit nothing first")
    parser.add_argument("--only", nargs="*", default=[], metavar="VIEW")
    given = parser.parse_args()
    asyncio.run(
        main(
            given.url,
            given.domain,
            given.client,
            given.version,
            asks=not given.no_audit,
            only=given.only,
        )
    )
