"""A broker that is away is waited for; one that refuses is not."""

from dataclasses import replace

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from scarcity.broker import backoff
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import BrokerError

AWAY = KafkaSettings(f"127.0.0.1:{free_port()}")


async def test_a_start_is_repeated_with_one_line_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    monkeypatch.setattr(backoff.asyncio, "sleep", sleep)
    failures = iter([KafkaConnectionError("no")] * 7)

    async def start() -> None:
        for failure in failures:
            raise failure

    await backoff.start_with_backoff(start, "memory", AWAY)
    assert slept == [0.5, 1, 2, 4, 8, 10, 10]
    assert [r.levelname for r in caplog.records] == ["WARNING", "WARNING"]
    assert "scarcity broker start" in caplog.text


async def test_a_refusal_is_not_waited_for() -> None:
    async def start() -> None:
        raise TopicAuthorizationFailedError("ledger")

    with pytest.raises(BrokerError, match="ACLs"):
        await backoff.start_with_backoff(start, "meta", AWAY)


async def test_the_patience_of_a_person_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    monkeypatch.setattr(backoff.asyncio, "sleep", sleep)

    async def start() -> None:
        raise KafkaConnectionError("no")

    with pytest.raises(BrokerError, match="cannot be reached: start it"):
        await backoff.start_with_backoff(start, "status", replace(AWAY, patience_s=7.0))
    assert slept == [0.5, 1, 2, 4]
