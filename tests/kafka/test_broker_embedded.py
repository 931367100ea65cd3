"""The embedded broker's life: start, status, stop, a crash, and data that stay."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scarcity.broker.embedded import EmbeddedKafka, answers
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import free_port, port_is_free
from scarcity.broker.settings import KafkaSettings
from scarcity.cli import main
from scarcity.events.errors import ServiceError
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kafka"
    EmbeddedKafka(data_dir=tmp_path / "kafka").kill()


def test_the_command_starts_tells_and_stops_it(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    where = ["--data-dir", str(data_dir)]
    assert main(["broker", "status", *where]) == 3
    assert main(["broker", "start", "--port", str(port), "--memory", "256", *where]) == 0
    assert f"answers on 127.0.0.1:{port}; log: {data_dir / 'broker.log'}" in capsys.readouterr().out
    assert "Kafka version: 4.4.0" in (data_dir / "broker.log").read_text()
    assert main(["broker", "status", *where]) == 0
    assert f"on 127.0.0.1:{port} answers" in capsys.readouterr().out
    assert main(["broker", "start", "--port", str(free_port()), *where]) == 1
    assert f"already runs on {data_dir} (port {port}," in capsys.readouterr().err
    other = ["--data-dir", str(data_dir) + "-2"]
    assert main(["broker", "start", "--port", str(port), *other]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err
    assert main(["broker", "stop", *where]) == 0
    assert port_is_free(port)
    assert main(["broker", "stop", *where]) == 0
    assert "no broker was running" in capsys.readouterr().out


async def test_records_outlive_a_kill_and_the_port_stays(own_kafka: EmbeddedKafka) -> None:
    address = own_kafka.bootstrap_servers
    async with KafkaBroker(KafkaSettings(address)) as broker:
        await broker.publish(Outgoing("clients", b"a", b"1"))
    assert own_kafka.kill()
    assert not answers(own_kafka.port)
    own_kafka.start()
    assert own_kafka.bootstrap_servers == address
    async with KafkaBroker(KafkaSettings(address)) as broker:
        assert [r.value for r in await broker.read_all("clients")] == [b"1"]


def test_two_objects_on_one_directory_see_the_same_broker(own_kafka: EmbeddedKafka) -> None:
    other = EmbeddedKafka(data_dir=own_kafka.data_dir)
    assert other.running() == own_kafka.running()
    assert other.port == own_kafka.port
    with pytest.raises(ServiceError, match="already runs"):
        other.start()


def test_a_kafka_that_ends_at_its_start_is_told_with_its_own_words(data_dir: Path) -> None:
    broker = EmbeddedKafka(0, data_dir, 256)
    broker.start()
    broker.stop()
    # Written over a partition's directory: Kafka finds a log directory that is damaged.
    (data_dir / "kafka" / "meta.properties").write_text(
        f"version=1\nnode.id=7\ncluster.id={(data_dir / 'cluster.id').read_text().strip()}\n"
    )
    with pytest.raises(ServiceError, match=r"\(code 1\): .*Stored node id 7 doesn't match"):
        broker.start()
    assert broker.running() is None
