"""The in-process log keeps every promise that a real broker keeps."""

import pytest
from tests.broker.behaviour import BrokerBehaviour

from scarcity.simulation.log import MemoryLog


class TestMemoryLog(BrokerBehaviour):
    @pytest.fixture
    def broker(self) -> MemoryLog:
        return MemoryLog(partitions=3)

    @pytest.fixture
    def topic(self) -> str:
        return "kept"

    @pytest.fixture
    def other_topic(self) -> str:
        return "other"
