import pytest

from scarcity.events.errors import InputError
from scarcity.memory.settings import MemorySettings


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
