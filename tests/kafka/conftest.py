"""A real broker for the tests: started here, never skipped, stopped at the end.

`kafka_address`: one broker for the whole session, topics of topics.yaml applied.
`fresh_topics`: topics of a domain that no other test has.
`own_kafka`: a broker of the test's own, for tests that stop it or need empty shared topics.
`secured`: one broker for the session with TLS, passwords, certificates and ACLs.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kafka.secured import Secured, secured_broker

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.settings import KafkaSettings

TOPICS_FILE = Path(__file__).parents[2] / "topics.yaml"
_met = pytest.StashKey[str]()
_numbers = itertools.count(1)


def _create_topics(address: str, *domains: str) -> None:
    admin = TopicAdmin(KafkaSettings(address))
    live = admin.live()
    wanted = load_topics(TOPICS_FILE).expand(domains)
    admin.create({name: topic for name, topic in wanted.items() if name not in live})


@pytest.fixture(scope="session")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[EmbeddedKafka]:
    """The session's broker. Do not stop it: use `own_kafka` for that."""
    broker = EmbeddedKafka(port=0, data_dir=tmp_path_factory.mktemp("kafka"))
    broker.start()
    pytestconfig.stash[_met] = broker.version()
    try:
        _create_topics(broker.bootstrap_servers)
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def kafka_address(kafka: EmbeddedKafka) -> str:
    """host:port of the session's broker."""
    return kafka.bootstrap_servers


@pytest.fixture(scope="session")
def create_topics(kafka_address: str) -> Callable[[str], None]:
    """Create the per-domain topics of a domain, beside whatever other tests did to theirs."""
    return lambda domain: _create_topics(kafka_address, domain)


@pytest.fixture
def fresh_topics(create_topics: Callable[[str], None]) -> Callable[[str], str]:
    """Create the per-domain topics of a new domain; returns its name, `<given>-<number>`."""

    def create(domain: str) -> str:
        name = f"{domain}-{next(_numbers)}"
        create_topics(name)
        return name

    return create


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of the test's own with all topics applied, on a port that a restart keeps."""
    broker = EmbeddedKafka(port=0, data_dir=tmp_path / "kafka", memory_mb=256)
    broker.start()
    try:
        _create_topics(broker.bootstrap_servers)
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The session's broker that trusts no one."""
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which broker was met, so that nobody takes a run without one for a tested one."""
    if _met in config.stash:
        terminalreporter.write_line(f"tests/kafka met {config.stash[_met]}")
