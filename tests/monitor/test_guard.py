"""The monitor's pages, its own and Faust's, as someone without the token meets them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import InputError
from scarcity.monitor.service import Monitoring, build_app
from scarcity.monitor.settings import MonitorSettings
from scarcity.monitor.view import SystemView

TOKEN = "0123456789abcdef"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def pages(token: str | None) -> AsyncIterator[TestClient]:
    app = build_app(KafkaSettings(), MonitorSettings(token=token), Monitoring(SystemView()))
    async with TestClient(TestServer(await app.web.wsgi())) as client:
        yield client


async def test_with_a_token_no_page_is_told_without_it() -> None:
    async with pages(TOKEN) as client:
        for path in ("/metrics", "/metrics/", "/", "/router/", "/table/", "/nothing", "/healthy"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
                reply = await client.get(path, headers=headers)
                assert reply.status == 401, path
                assert "Bearer" in reply.headers["WWW-Authenticate"]
                assert "scarcity_" not in await reply.text()
        reply = await client.get("/metrics", headers=SHOWN)
        assert reply.status == 200
        assert "scarcity_monitor_records_total" in await reply.text()


async def test_a_probe_without_the_token_is_told_the_status_alone() -> None:
    async with pages(TOKEN) as client:
        reply = await client.get("/health")
        assert (reply.status, await reply.json()) == (503, {"status": "reading"})
        assert "domains" in await (await client.get("/health", headers=SHOWN)).json()


async def test_without_a_token_the_pages_are_told() -> None:
    async with pages(None) as client:
        assert (await client.get("/metrics")).status == 200
        assert "domains" in await (await client.get("/health")).json()


async def test_no_page_takes_a_body() -> None:
    async with pages(None) as client:
        for path in ("/metrics", "/health"):
            assert (await client.post(path, data=bytes(1 << 16))).status >= 400


def test_the_token_comes_from_a_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    settings = MonitorSettings.from_environment({"SCARCITY_MONITOR_TOKEN_FILE": str(file)})
    assert settings.token == TOKEN
    assert TOKEN not in repr(settings)
    with pytest.raises(InputError, match="SCARCITY_MONITOR_TOKEN_FILE"):
        MonitorSettings.from_environment({"SCARCITY_MONITOR_TOKEN_FILE": "/no/such/file"})


def test_that_others_may_read_the_metrics_is_said(caplog: pytest.LogCaptureFixture) -> None:
    for bind, token, said in (
        ("0.0.0.0", None, True), ("0.0.0.0", TOKEN, False), ("127.0.0.1", None, False),
    ):  # fmt: skip
        caplog.clear()
        monitor = MonitorSettings(bind=bind, token=token)
        build_app(KafkaSettings(), monitor, Monitoring(SystemView()))
        assert ("SCARCITY_MONITOR_TOKEN_FILE" in caplog.text) is said
