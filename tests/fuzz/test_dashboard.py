"""What comes in by HTTP: addresses, headers, bodies; and what strangers wrote into dead letters."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.dashboard.feeding import EVIL, NOW_MS, board_of
from tests.dashboard.test_web import server
from tests.fuzz.hostile import HOSTILE
from tests.monitor import records

from scarcity.dashboard.access import Access
from scarcity.dashboard.hub import Hub
from scarcity.dashboard.jobs import KINDS, Asked, Jobs
from scarcity.dashboard.pages.all import PAGES, make, question_of
from scarcity.dashboard.pages.common import Document, State
from scarcity.dead_letters.preview import PREVIEW_CHARACTERS, preview
from scarcity.events.errors import InputError

SOME = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
TOKEN = "0123456789abcdef"
BOARD = board_of([*records.a_session(), records.memory(EVIL, "retail")])
WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "retail", "a", "-1", "9" * 40, "٣", "1e9", "\x00", EVIL, "../..", "n" * 700, "\ud800"]
    ),
)
NAMES = st.sampled_from(sorted({key for page in PAGES.values() for key in page.arguments}))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.sampled_from(KINDS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {}, optional={"kind": JSON, "domain": JSON, "version": JSON, "client": JSON, "more": JSON}
)


@pytest.mark.parametrize("name", sorted(PAGES))
@SOME
@given(arguments=st.dictionaries(NAMES, WORDS))
def test_any_arguments_give_a_page_of_bounded_size(name: str, arguments: dict[str, str]) -> None:
    question = question_of({**arguments, "page_name": name})
    if any(len(value) > 600 for value in arguments.values()):
        return
    assert question is not None
    document = make(BOARD, State(caught_up=True), question, NOW_MS)
    # What cannot be UTF-8 was never asked for over HTTP: addresses are decoded with replacement.
    if not any("\ud800" in value for value in arguments.values()):
        assert len(orjson.dumps(document)) < 1 << 16


@SOME
@given(name=WORDS)
def test_any_other_name_is_no_page(name: str) -> None:
    assert (question_of({"page_name": name}) is None) is (name not in PAGES)


@SOME
@given(given_=st.one_of(JSON, FIELDS))
@example(given_={"\ud800": None})
def test_any_question_to_the_audit_is_queued_or_refused_in_one_line(given_: Any) -> None:
    jobs = Jobs(_no_answer, lambda: 0.0)
    with contextlib.suppress(InputError):
        assert jobs.ask(given_) == 1
    assert len(jobs.documents) <= 1


@SOME
@given(host=WORDS, cookie=WORDS, authorization=WORDS)
def test_any_header_is_let_in_or_not(host: str, cookie: str, authorization: str) -> None:
    assert Access().knows_host(host) is (host.casefold() in {"localhost", "127.0.0.1", "::1"})
    assert not Access(TOKEN).lets_in(cookie, authorization)
    assert not Access(TOKEN).lets_in("", f"Bearer {cookie}")


@SOME
@given(last=WORDS)
def test_any_last_event_means_a_whole_document(last: str) -> None:
    hub = Hub(lambda _: {"a": 1}, lambda: 0, "abc")
    question = question_of({"page_name": "overview"})
    assert question is not None

    async def first() -> bytes:
        events = hub.read(question, last, lambda: 0.0)
        try:
            return await anext(events)
        finally:
            await events.aclose()

    assert b"event: whole" in asyncio.run(first())


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_the_preview_of_hostile_bytes_is_short_and_printable(number: int) -> None:
    text = preview(HOSTILE[number])
    assert len(text) <= PREVIEW_CHARACTERS
    assert text.isprintable()


@SOME
@given(raw=st.binary(max_size=64))
def test_the_preview_of_any_bytes_likewise(raw: bytes) -> None:
    text = preview(raw)
    assert len(text) <= PREVIEW_CHARACTERS
    assert text.isprintable()


REQUESTS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00" + bytes(512), (400,)),
    "a method that is none": (b"GARBAGE / HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 405)),
    "a header without end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", (400,)),
    "an address without end": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", (400, 414)),
    "an argument without end": (
        b"GET /events/client?client=" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: Bearer 0123456789abcdef\r\n\r\n",
        (404,),
    ),
    "two lengths": (
        b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nabc",
        (400,),
    ),
    "a length below nothing": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", (400,),
    ),
    "a body too large": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=" + b"a" * 99_994,
        (413,),
    ),
    "a form that is none": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\nabc",
        (303, 400),
    ),
    "a form that is no text": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=\xff\xfe\xfd\xfc",
        (303, 400),
    ),
    "a form in letters that nobody knows": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n"
        b"Content-Type: application/x-www-form-urlencoded; charset=x\r\n\r\ntoken=a",
        (303, 400),
    ),
    "a cookie of any bytes": (
        b"GET /app.js HTTP/1.1\r\nHost: localhost\r\nCookie: scarcity_dashboard=\xff\xfe\r\n\r\n",
        (401,),
    ),
    "an Authorization of any bytes": (
        b"GET /app.js HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        (401,),
    ),
    "a JSON without end": (
        b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer 0123456789abcdef\r\n"
        b"X-Scarcity-Dashboard: 1\r\nContent-Length: 4000\r\n\r\n" + b"[" * 4000,
        (400,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_made_to_hurt_is_refused_and_the_next_one_answered(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scarcity.dashboard.web.WRONG_TOKEN_S", 0.0)
    request, statuses = REQUESTS[name]
    async with server(Access(TOKEN)) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(request)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        assert int(line.split()[1]) in statuses, line
        reply = await client.get("/app.js", headers={"Authorization": f"Bearer {TOKEN}"})
        assert reply.status == 200


async def _no_answer(_asked: Asked) -> AsyncGenerator[Document, None]:
    yield {"result": 1}
