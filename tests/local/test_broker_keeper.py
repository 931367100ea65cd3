import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scarcity.events.errors import ServiceError
from scarcity.local import broker_keeper
from scarcity.local.broker_keeper import BrokerKeeper
from scarcity.local.processes import Guard


class FakeRunning:
    def __init__(self, kafka: "FakeKafka") -> None:
        self._kafka = kafka

    def end(self, with_signal: signal.Signals, limit_s: float) -> None:
        self._kafka.ended.append(with_signal)
        self._kafka.is_up = False


class FakeKafka:
    """An embedded broker without a broker."""

    def __init__(self, directory: Path) -> None:
        self.pid_file = directory / "broker.pid"
        self.is_up = False
        self.starts = 0
        self.ended: list[signal.Signals] = []

    def start(self) -> None:
        self.starts += 1
        if self.starts == 3:
            raise ServiceError("no third start")
        self.is_up = True
        self.pid_file.write_text("{}")

    def running(self) -> FakeRunning | None:
        return FakeRunning(self) if self.is_up else None


@pytest.fixture
def kafka(tmp_path: Path) -> FakeKafka:
    return FakeKafka(tmp_path)


@pytest.fixture
async def keeper(kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BrokerKeeper]:
    monkeypatch.setattr(broker_keeper, "CHECK_EVERY_S", 0.01)
    guard = Guard()
    yield BrokerKeeper(kafka, guard)
    guard.close()


async def test_a_broker_that_is_gone_is_started_again(
    kafka: FakeKafka, keeper: BrokerKeeper
) -> None:
    await keeper.start()
    keeping = asyncio.create_task(keeper.keep())
    kafka.is_up = False
    while kafka.starts < 2:
        await asyncio.sleep(0.01)
    assert keeper.restarts == 1
    kafka.is_up = False
    with pytest.raises(ServiceError, match="no third start"):
        await keeping


async def test_stop_ends_the_broker_cleanly_and_takes_its_pid_file_away(
    kafka: FakeKafka, keeper: BrokerKeeper
) -> None:
    await keeper.start()
    await keeper.stop()
    assert kafka.ended == [signal.SIGTERM]
    assert not kafka.pid_file.exists()
    await keeper.stop()
    assert len(kafka.ended) == 1


async def test_stop_waits_for_a_start_that_is_under_way(
    kafka: FakeKafka, keeper: BrokerKeeper
) -> None:
    starting = asyncio.create_task(keeper.start())
    await asyncio.sleep(0)
    starting.cancel()
    await keeper.stop()
    assert not kafka.is_up
