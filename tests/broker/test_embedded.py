"""What keeps the embedded broker from starting is told in one line; its life: tests/kafka."""

import json
import os
import socket
from pathlib import Path

import pytest

from scarcity.broker.embedded import EmbeddedKafka, answers
from scarcity.broker.embedded_files import check_data_dir, server_properties
from scarcity.broker.process import command_line, free_port, port_is_free
from scarcity.events.errors import InputError


def test_a_port_that_is_taken_is_told_with_both_ways_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} is taken.*--port.*--bootstrap-servers"):
            EmbeddedKafka(port, tmp_path / "kafka").start()
    assert not (tmp_path / "kafka").exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"is not writable .*--data-dir"):
        EmbeddedKafka(free_port(), tmp_path / "file" / "kafka").start()


@pytest.mark.parametrize("place", ["kafka/meta.properties", "meta.properties"])
def test_a_directory_of_another_cluster_is_left_alone(tmp_path: Path, place: str) -> None:
    (tmp_path / "cluster.id").write_text("ours\n")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("version=1\ncluster.id=theirs\nnode.id=1\n")
    with pytest.raises(InputError, match=r"another Kafka cluster \(theirs\).*--data-dir"):
        EmbeddedKafka(free_port(), tmp_path).start()


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="holds other files"):
        EmbeddedKafka(free_port(), tmp_path).start()


def test_our_own_directory_is_taken_up_again(tmp_path: Path) -> None:
    (tmp_path / "cluster.id").write_text("ours\n")
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "meta.properties").write_text("cluster.id=ours\n")
    check_data_dir(tmp_path)


@pytest.mark.parametrize(("port", "memory_mb"), [(-1, 512), (65536, 512), (9092, 64)])
def test_impossible_options_are_refused(port: int, memory_mb: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--port|--memory"):
        EmbeddedKafka(port, tmp_path, memory_mb)


def test_a_pid_file_of_a_process_that_is_another_by_now_means_nothing_runs(tmp_path: Path) -> None:
    broker = EmbeddedKafka(data_dir=tmp_path)
    broker.pid_file.write_text(json.dumps({"pid": os.getpid(), "port": 9092}))
    assert command_line(os.getpid())
    assert broker.running() is None
    assert broker.stop() is False
    assert not broker.pid_file.exists()


def test_a_damaged_pid_file_means_nothing_runs(tmp_path: Path) -> None:
    broker = EmbeddedKafka(data_dir=tmp_path)
    broker.pid_file.write_text("{")
    assert broker.running() is None


def test_a_server_that_is_no_kafka_does_not_answer() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert not port_is_free(port)
        assert not answers(port)
    assert not answers(free_port())


def test_no_topic_makes_itself_and_groups_start_without_delay(tmp_path: Path) -> None:
    lines = server_properties(tmp_path, 9092, controller_port=9093).splitlines()
    assert "auto.create.topics.enable=false" in lines
    assert "group.initial.rebalance.delay.ms=0" in lines
    assert "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093" in lines
