"""Kafka's jars: only the locked bytes are used, and a missing network says what to run."""

import hashlib
import re
from pathlib import Path

import pytest

from scarcity.broker import jars
from scarcity.events.errors import ServiceError

GOOD = b"the jar"
JAR = jars.LockedJar("a.b:c:1", hashlib.sha256(GOOD).hexdigest())


class Repository:
    """Serves one file, each download with the next bytes."""

    def __init__(self, path: Path, *downloads: bytes) -> None:
        self.path = path
        self.downloads = list(downloads)

    def fetch(self, coordinate: str) -> Path:
        assert coordinate == JAR.coordinate
        if not self.path.exists():
            self.path.write_bytes(self.downloads.pop(0))
        return self.path


def test_a_jar_with_the_locked_bytes_is_used(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "c-1.jar", GOOD)
    assert jars.resolve([JAR], repository.fetch) == [repository.path]


def test_a_download_that_was_cut_off_is_fetched_again(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "c-1.jar", b"the j", GOOD)
    assert jars.resolve([JAR], repository.fetch) == [repository.path]
    assert repository.downloads == []


def test_other_bytes_are_refused_and_not_kept(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "c-1.jar", b"evil", b"evil")
    with pytest.raises(ServiceError, match=r"a\.b:c:1: SHA-256 .* differs from kafka\.lock"):
        jars.resolve([JAR], repository.fetch)
    assert not repository.path.exists()


def test_the_packaged_lock_names_kafka_and_its_log_binding_but_no_host() -> None:
    lock = jars.packaged_lock()
    coordinates = [jar.coordinate for jar in lock]
    assert set(jars.ROOTS) <= set(coordinates)
    assert len(set(coordinates)) == len(coordinates) == 45
    text = Path(jars.__file__).with_name(jars.LOCK).read_text("utf-8")
    assert "//" not in text


@pytest.mark.parametrize("line", ["a.b:c:1", "a.b:c 00", f"a.b:c:1 {'0' * 63}"])
def test_a_damaged_lock_names_the_line(line: str) -> None:
    with pytest.raises(ServiceError, match="line 2"):
        jars.read_lock("# head\n" + line)


def test_without_network_and_without_files_it_says_what_to_run_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "jgo.conf"
    # Port 9 of the loopback: nobody listens there, so the attempt fails at once.
    config.write_text("[repositories]\ncentral = http://127.0.0.1:9\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    said: list[str] = []
    with pytest.raises(ServiceError) as caught:
        jars.kafka_jars(said.append)
    assert said == ["fetching Apache Kafka 4.4.0: 45 of 45 files, once"]
    assert re.match(r"cannot fetch \S+ \(ConnectionError\): no network\? run", str(caught.value))
    assert "scarcity broker fetch" in str(caught.value)
    assert "--bootstrap-servers" in str(caught.value)
