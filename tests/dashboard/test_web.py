"""The server as a browser or an attacker meets it, without a browser."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import ClientTimeout
from aiohttp.test_utils import TestClient, TestServer
from tests.dashboard.feeding import EVIL, board_of, page
from tests.monitor import records

from scarcity.dashboard.access import SAME_SITE_HEADER, Access
from scarcity.dashboard.hub import Hub
from scarcity.dashboard.jobs import Asked, Jobs
from scarcity.dashboard.pages.common import Document, Question
from scarcity.dashboard.web import Pages

TOKEN = "0123456789abcdef"
SAME_SITE = {SAME_SITE_HEADER: "1"}


async def no_answer(_asked: Asked) -> AsyncGenerator[Document, None]:
    yield {"result": 1}


@asynccontextmanager
async def server(access: Access | None = None) -> AsyncIterator[TestClient]:
    board = board_of([*records.a_session(), records.memory(EVIL, "retail")])

    def make(question: Question) -> Document:
        return page(board, question.name, **dict(question.arguments))

    hub = Hub(make, lambda: 0, "abc")
    pages = Pages(hub, Jobs(no_answer, lambda: 0.0), access or Access(), lambda: 0.0)
    client = TestClient(TestServer(pages.app()), timeout=ClientTimeout(total=5))
    async with client:
        yield client
        hub.close()


async def first_event(client: TestClient, path: str) -> Document:
    async with client.get(path) as reply:
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        async for line in reply.content:
            if line.startswith(b"data: "):
                document: Document = orjson.loads(line[6:])
                return document
    raise AssertionError("the stream ended without an event")


async def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    async with server() as client:
        for path in ("/", "/app.js", "/nothing", "/events/nothing", "/login"):
            reply = await client.get(path)
            policy = reply.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
        async with client.get("/events/overview") as reply:
            assert "Content-Security-Policy" in reply.headers


async def test_the_page_and_its_parts_are_served_from_the_package() -> None:
    async with server() as client:
        kinds = {
            "/": "text/html",
            "/app.js": "text/javascript",
            "/views/audit.js": "text/javascript",
            "/style.css": "text/css",
            "/icon.svg": "image/svg+xml",
        }
        for path, kind in kinds.items():
            reply = await client.get(path)
            assert (reply.status, reply.content_type) == (200, kind), path


@pytest.mark.parametrize("path", ["/../web.py", "/%2e%2e/web.py", "/views/", "/views/../../x"])
async def test_nothing_else_is(path: str) -> None:
    async with server() as client:
        assert (await client.get(path)).status == 404


async def test_each_page_has_a_stream() -> None:
    async with server() as client:
        document = await first_event(client, "/events/domain?domain=retail")
        assert (document["name"], document["known"]) == ("retail", True)
        rows = (await first_event(client, "/events/clients?search=img"))["rows"]
        assert [row["id"] for row in rows.values()] == [EVIL]


async def test_a_name_of_another_site_is_not_answered_without_a_token() -> None:
    async with server() as client:
        for path in ("/", "/events/overview"):
            reply = await client.get(path, headers={"Host": "evil.example"})
            assert reply.status == 421


async def test_a_question_needs_the_header_that_other_sites_cannot_send() -> None:
    async with server() as client:
        question = {"kind": "verify", "domain": "retail", "version": 1}
        assert (await client.post("/api/jobs", json=question)).status == 403
        reply = await client.post("/api/jobs", json=question, headers=SAME_SITE)
        assert (reply.status, await reply.json()) == (202, {"id": 1})
        reply = await client.post("/api/jobs", data=b"{", headers=SAME_SITE)
        assert reply.status == 400
        reply = await client.post("/api/jobs", json={"kind": "x"}, headers=SAME_SITE)
        assert (reply.status, "error" in await reply.json()) == (400, True)
        reply = await client.post("/api/jobs", data=b"x" * 100_000, headers=SAME_SITE)
        assert reply.status == 413


async def test_with_a_token_nothing_is_told_without_it() -> None:
    async with server(Access(TOKEN)) as client:
        reply = await client.get("/", allow_redirects=False)
        assert (reply.status, reply.headers["Location"]) == (303, "/login")
        for path in ("/events/overview", "/app.js"):
            assert (await client.get(path)).status == 401
        reply = await client.post("/api/jobs", json={}, headers=SAME_SITE)
        assert reply.status == 401
        bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "board.example"}
        assert (await client.get("/app.js", headers=bearer)).status == 200


async def test_the_token_is_asked_for_once_and_kept_from_scripts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scarcity.dashboard.web.WRONG_TOKEN_S", 0.0)
    async with server(Access(TOKEN)) as client:
        wrong = await client.post("/login", data={"token": "x"}, allow_redirects=False)
        assert wrong.headers["Location"] == "/login#wrong"
        right = await client.post("/login", data={"token": TOKEN}, allow_redirects=False)
        assert "HttpOnly; Path=/; SameSite=Strict" in right.headers["Set-Cookie"]
        value = right.cookies["scarcity_dashboard"].value
        reply = await client.get("/app.js", headers={"Cookie": f"scarcity_dashboard={value}"})
        assert reply.status == 200
