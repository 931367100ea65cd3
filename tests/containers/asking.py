"""Questions to the servers of a running system."""

import asyncio
import json
import urllib.request
from typing import Any

from chaos.compose import ComposeSystem

UP = "/api/v1/query?query=up%7Bjob%3D%22scarcity-monitor%22%7D"


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


async def until_scraped(system: ComposeSystem) -> None:
    """Return once Prometheus has had figures of the monitor."""
    async with asyncio.timeout(60):
        while True:
            found = ask(system.prometheus_url + UP)["data"]["result"]
            if found and found[0]["value"][1] == "1":
                return
            await asyncio.sleep(1)
