"""Where the broker is: read once, and a wrong value names its key."""

import pytest

from scarcity.broker.settings import MAX_REQUEST_BYTES, KafkaSettings
from scarcity.events.codec import MAX_EVENT_BYTES
from scarcity.events.errors import InputError


def test_without_a_setting_the_embedded_brokers_default_is_used() -> None:
    assert KafkaSettings.from_environment({}).bootstrap_servers == "127.0.0.1:9092"


def test_several_servers_may_be_given_with_spaces() -> None:
    environ = {"SCARCITY_BOOTSTRAP_SERVERS": "kafka-1:9092, [::1]:9093"}
    assert KafkaSettings.from_environment(environ).bootstrap_servers == "kafka-1:9092,[::1]:9093"


@pytest.mark.parametrize(
    "servers",
    ["kafka", "kafka:", ":9092", "kafka:0", "kafka:65536", "http://kafka:9092", "a:1,,b:2"],
)
def test_what_is_no_host_and_port_names_the_key(servers: str) -> None:
    with pytest.raises(InputError, match=r"^SCARCITY_BOOTSTRAP_SERVERS: .*no host:port"):
        KafkaSettings.from_environment({"SCARCITY_BOOTSTRAP_SERVERS": servers})


def test_every_kind_of_client_gets_the_common_options() -> None:
    settings = KafkaSettings("kafka:9092")
    common = settings.client_options()
    for options in (settings.producer_options(), settings.consumer_options()):
        assert options.items() >= common.items()


def test_consumers_read_committed_and_producers_wait_for_all_replicas() -> None:
    settings = KafkaSettings()
    assert settings.consumer_options()["isolation_level"] == "read_committed"
    assert settings.producer_options()["acks"] == "all"


def test_an_event_above_the_limit_can_be_sent_and_so_be_parked() -> None:
    assert MAX_REQUEST_BYTES > 2 * MAX_EVENT_BYTES
