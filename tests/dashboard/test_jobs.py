import asyncio
from collections.abc import AsyncGenerator

import pytest

from scarcity.dashboard.jobs import KEPT, MOST_WAITING, Asked, Jobs
from scarcity.dashboard.pages.common import Document
from scarcity.events.errors import InputError

VERIFY = {"kind": "verify", "domain": "retail", "version": 3}


async def answered(lines: list[Document], asked: list[object]) -> Jobs:
    async def answer(_asked: Asked) -> AsyncGenerator[Document, None]:
        for line in lines:
            yield line

    jobs = Jobs(answer, lambda: 0.0)
    for one in asked:
        jobs.ask(one)
    running = asyncio.create_task(jobs.run())
    while any(job["state"] in ("waiting", "running") for job in jobs.documents):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return jobs


async def test_a_question_is_answered_and_the_newest_stands_first() -> None:
    lines: list[Document] = [{"step": [1, 2]}, {"result": {"equal": True}}]
    jobs = await answered(lines, [VERIFY, {**VERIFY, "version": 4}])
    assert [job["version"] for job in jobs.documents] == [4, 3]
    assert {job["state"] for job in jobs.documents} == {"done"}
    assert jobs.documents[0]["result"] == {"equal": True}


@pytest.mark.parametrize("lines", [[], [{"error": "the ledger holds no retail@3"}]])
async def test_a_question_without_an_answer_failed_and_says_why(lines: list[Document]) -> None:
    jobs = await answered(lines, [VERIFY])
    assert jobs.documents[0]["state"] == "failed"
    assert jobs.documents[0]["error"]


async def test_a_line_cannot_change_whose_answer_it_is() -> None:
    jobs = await answered([{"result": 1, "other": 2, "reading": "ledger"}], [VERIFY])
    assert "other" not in jobs.documents[0]


async def test_questions_and_answers_are_bounded() -> None:
    jobs = await answered([{"result": 1}], [VERIFY] * MOST_WAITING)
    for _ in range(MOST_WAITING):
        jobs.ask(VERIFY)
    with pytest.raises(InputError, match="wait"):
        jobs.ask(VERIFY)
    assert len(jobs.documents) <= KEPT


@pytest.mark.parametrize(
    "asked",
    [
        [],
        {},
        {"kind": "delete", "domain": "retail"},
        {"kind": "verify", "domain": "Retail!", "version": 1},
        {"kind": "verify", "domain": "retail"},
        {"kind": "verify", "domain": "retail", "version": "1"},
        {"kind": "without", "domain": "retail"},
        {"kind": "without", "domain": "retail", "client": "x" * 9999},
        {"kind": "verify", "domain": "retail", "version": 1, "settings": "other"},
    ],
)
def test_what_is_no_question_is_refused(asked: object) -> None:
    with pytest.raises(InputError):
        Jobs(None, lambda: 0.0).ask(asked)  # type: ignore[arg-type]
