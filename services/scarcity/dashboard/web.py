"""The pages' server: static files, one stream of events a page, and the audit's jobs."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final

import orjson
from aiohttp import web

from scarcity.dashboard.access import COOKIE, HEADERS, SAME_SITE_HEADER, Access
from scarcity.dashboard.hub import FullError, Hub
from scarcity.dashboard.jobs import Jobs
from scarcity.dashboard.pages.all import question_of
from scarcity.events.errors import InputError

STATIC: Final = Path(__file__).parent / "static"
TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
OPEN_PATHS: Final = frozenset({"/login", "/login.css", "/icon.svg"})
MAX_BODY: Final = 4096
WRONG_TOKEN_S: Final = 0.5  # the answer to a wrong token takes this long
BEAT_S: Final = 10.0  # a stream without changes says that it is there

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """Handlers of the server.

    Args:
        access: who may see the pages.
        now_s: monotonic time.
    """

    def __init__(self, hub: Hub, jobs: Jobs, access: Access, now_s: Callable[[], float]) -> None:
        self._hub = hub
        self._jobs = jobs
        self._access = access
        self._now_s = now_s
        self._files = {f"/{path.relative_to(STATIC)}": path for path in STATIC.rglob("*.*")}

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(middlewares=[_with_headers, self._guard], client_max_size=MAX_BODY)
        app.router.add_get("/events/{page_name}", self._events)
        app.router.add_post("/api/jobs", self._ask)
        app.router.add_get("/login", self._login_page)
        app.router.add_post("/login", self._login)
        app.router.add_get("/{path:.*}", self._file)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._access.knows_host(request.host):
            return web.Response(
                status=421,
                text="This page answers to names of its own machine only; set "
                "SCARCITY_DASHBOARD_HOSTS to allow another.\n",
            )
        cookie = request.cookies.get(COOKIE, "")
        authorization = request.headers.get("Authorization", "")
        if request.path not in OPEN_PATHS and not self._access.lets_in(cookie, authorization):
            if request.path == "/":
                raise web.HTTPSeeOther("/login")
            return web.Response(status=401, text="A token is needed: open /login\n")
        return await handler(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._files.get("/index.html" if request.path == "/" else request.path)
        if path is None:
            return web.Response(status=404, text="There is nothing here.\n")
        return web.Response(
            body=path.read_bytes(),
            content_type=TYPES.get(path.suffix, "application/octet-stream"),
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    async def _login_page(self, _request: web.Request) -> web.StreamResponse:
        body = (STATIC / "login.html").read_bytes()
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    async def _login(self, request: web.Request) -> web.StreamResponse:
        try:
            given = (await request.post()).get("token", "")
        except (ValueError, LookupError):  # no form, or in letters that nobody knows
            given = ""
        if not isinstance(given, str) or not self._access.is_token(given.strip()):
            await asyncio.sleep(WRONG_TOKEN_S)
            raise web.HTTPSeeOther("/login#wrong")
        found = web.HTTPSeeOther("/")
        found.set_cookie(COOKIE, given.strip(), httponly=True, samesite="Strict", path="/")
        raise found

    async def _events(self, request: web.Request) -> web.StreamResponse:
        question = question_of({**request.query, "page_name": request.match_info["page_name"]})
        if question is None:
            return web.Response(status=404, text="There is no such page.\n")
        last = request.headers.get("Last-Event-ID") or request.query.get("last", "")
        stream = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                **HEADERS,
            }
        )
        events = self._hub.read(question, last, self._now_s)
        try:
            try:
                first = await anext(events)
            except (FullError, StopAsyncIteration):
                return web.Response(
                    status=503, text="Too many pages are open.\n", headers={"Retry-After": "5"}
                )
            await stream.prepare(request)
            await stream.write(b"retry: 1000\n\n" + first)
            async with aclosing(_with_beats(events)) as told:
                async for event in told:
                    await stream.write(event)
        except ConnectionResetError:
            pass  # the reader left
        finally:
            await events.aclose()
        return stream

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get(SAME_SITE_HEADER) != "1":
            return _said(403, f"the header {SAME_SITE_HEADER} is missing")
        try:
            asked = orjson.loads(await request.read())
            job = self._jobs.ask(asked)
        except orjson.JSONDecodeError:
            return _said(400, "the body is no JSON")
        except InputError as error:
            return _said(400, str(error))
        return web.Response(
            body=orjson.dumps({"id": job}), status=202, content_type="application/json"
        )


def _said(status: int, text: str) -> web.Response:
    body = orjson.dumps({"error": text})
    return web.Response(body=body, status=status, content_type="application/json")


@web.middleware
async def _with_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


async def _with_beats(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The events, and a comment whenever none came for a while: a dead connection is noticed."""
    coming = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=BEAT_S)
            if not done:
                yield b": still here\n\n"
                continue
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(events))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
