"""Settings of the planner: defaults, and errors that name their key."""

import pytest

from scarcity.events.errors import InputError
from scarcity.gossip.settings import GossipSettings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = GossipSettings.from_environment({})
    assert (settings.cycle_s, settings.active_s) == (15.0, 60.0)
    assert (settings.manager.group_size, settings.manager.max_peers) == (8, 5)
    assert settings.enrolling == ()


def test_values_are_read() -> None:
    settings = GossipSettings.from_environment(
        {"SCARCITY_GOSSIP_CYCLE_S": "2.5", "SCARCITY_GOSSIP_MAX_PEERS": "3"}
    )
    assert settings.cycle_s == 2.5
    assert settings.manager.max_peers == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SCARCITY_GOSSIP_CYCLE_S", "soon"),
        ("SCARCITY_OPERATOR_KEYS_FILE", "absent.pem"),
        ("SCARCITY_GOSSIP_CYCLE_S", "0"),
        ("SCARCITY_GOSSIP_ACTIVE_S", "nan"),
        ("SCARCITY_GOSSIP_GROUP_SIZE", "1"),
        ("SCARCITY_GOSSIP_MAX_PEERS", "0"),
    ],
)
def test_an_impossible_value_names_its_key(key: str, value: str) -> None:
    with pytest.raises(InputError, match=key):
        GossipSettings.from_environment({key: value})
