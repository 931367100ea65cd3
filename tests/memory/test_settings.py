from pathlib import Path

import pytest

from scarcity.events.errors import InputError, ServiceError
from scarcity.keys.files import write_key
from scarcity.keys.signing import SigningKey
from scarcity.memory.settings import MemorySettings, equal_partitions


def test_an_empty_environment_gives_the_defaults() -> None:
    assert MemorySettings.from_environment({}) == MemorySettings()
    assert MemorySettings.from_environment({"SCARCITY_MEMORY_MAX_INSIGHTS": ""}) == MemorySettings()


def test_every_key_is_read() -> None:
    settings = MemorySettings.from_environment(
        {
            "SCARCITY_MEMORY_MAX_INSIGHTS": "12",
            "SCARCITY_MEMORY_MAX_INSIGHT_BYTES": "4096",
            "SCARCITY_MEMORY_SLOPE_CLIP": "1.5",
        }
    )
    assert settings.max_insights == 12
    assert (settings.limits.max_bytes, settings.limits.slope_clip) == (4096, 1.5)


def test_operators_keys_make_signatures_required(tmp_path: Path) -> None:
    public = write_key(tmp_path / "operator.key", SigningKey(bytes(32)))
    settings = MemorySettings.from_environment({"SCARCITY_OPERATOR_KEYS_FILE": str(public)})
    assert settings.limits.authority is not None
    assert settings.senders.startswith("signed under a certificate of operator key 139e3940")
    with pytest.raises(InputError, match=r"SCARCITY_OPERATOR_KEYS_FILE: absent\.pem"):
        MemorySettings.from_environment({"SCARCITY_OPERATOR_KEYS_FILE": "absent.pem"})


def test_unequal_numbers_of_partitions_are_refused() -> None:
    assert equal_partitions({"a": {0, 1}, "b": {0, 1}}) == 2
    with pytest.raises(ServiceError, match="unequal numbers of partitions"):
        equal_partitions({"a": {0, 1}, "b": None})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("SCARCITY_MEMORY_MAX_INSIGHTS", "many"),
        ("SCARCITY_MEMORY_MAX_INSIGHTS", "0"),
        ("SCARCITY_MEMORY_MAX_INSIGHT_BYTES", "99999999"),
        ("SCARCITY_MEMORY_SLOPE_CLIP", "nan"),
        ("SCARCITY_MEMORY_SLOPE_CLIP", "-1"),
    ],
)
def test_a_wrong_value_names_its_key(key: str, text: str) -> None:
    with pytest.raises(InputError, match=f"{key}: .*{text}"):
        MemorySettings.from_environment({key: text})
