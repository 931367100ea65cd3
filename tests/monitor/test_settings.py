import pytest

from scarcity.events.errors import InputError
from scarcity.monitor.settings import DEFAULT_PORT, MonitorSettings


def test_defaults_hold_without_an_environment() -> None:
    assert MonitorSettings.from_environment({}).port == DEFAULT_PORT


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("SCARCITY_MONITOR_PORT", "http"),
        ("SCARCITY_MONITOR_PORT", "0"),
        ("SCARCITY_MONITOR_PORT", "80.5"),
        ("SCARCITY_MONITOR_LAG_SECONDS", "0"),
    ],
)
def test_a_wrong_value_names_its_key(key: str, text: str) -> None:
    with pytest.raises(InputError, match=key):
        MonitorSettings.from_environment({key: text})
