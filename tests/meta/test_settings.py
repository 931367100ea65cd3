"""Settings of the meta-learner."""

from pathlib import Path

import pytest

from scarcity.events.errors import InputError
from scarcity.keys.files import write_key
from scarcity.keys.signing import SigningKey
from scarcity.learning.online_maml import LearningSettings
from scarcity.meta.settings import MetaSettings


def test_an_empty_environment_gives_the_tuned_defaults() -> None:
    assert MetaSettings.from_environment({}).learning == LearningSettings()


def test_the_rate_is_that_of_the_mode() -> None:
    stream = {"SCARCITY_META_MODE": "stream", "SCARCITY_META_RATE": "0.005"}
    assert MetaSettings.from_environment(stream).learning.stream_rate == 0.005
    assert MetaSettings.from_environment({"SCARCITY_META_RATE": "0.5"}).learning.rate == 0.5


def test_the_gate_can_be_turned_off() -> None:
    assert not MetaSettings.from_environment({"SCARCITY_META_GATE": "off"}).learning.gate


def test_keys_are_read_from_the_files_that_are_named(tmp_path: Path) -> None:
    key = SigningKey(bytes(32))
    public = write_key(tmp_path / "writer.key", key)
    environ = {
        "SCARCITY_META_SIGNING_KEY": str(tmp_path / "writer.key"),
        "SCARCITY_META_OPERATOR_KEYS": str(public),
        "SCARCITY_META_CHECKPOINT_VERSIONS": "7",
    }
    settings = MetaSettings.from_environment(environ)
    assert settings.signing == key
    assert settings.operators.ids == [key.public.key_id]
    assert settings.checkpoint_versions == 7
    one = MetaSettings.from_environment({"SCARCITY_OPERATOR_KEYS_FILE": str(public)})
    assert (one.enrolling, one.operators.ids) == ((key.public,), [key.public.key_id])
    default = MetaSettings.from_environment({})
    assert (default.signing, default.operators.ids) == (None, [])
    assert default.checkpoint_versions == 100


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SCARCITY_META_SIGNING_KEY", "none.key"),
        ("SCARCITY_META_OPERATOR_KEYS", "none.pub"),
        ("SCARCITY_OPERATOR_KEYS_FILE", "none.pub"),
        ("SCARCITY_META_CHECKPOINT_VERSIONS", "-1"),
        ("SCARCITY_META_MODE", "batch"),
        ("SCARCITY_META_RATE", "fast"),
        ("SCARCITY_META_RATE", "0"),
        ("SCARCITY_META_RATE", "nan"),
        ("SCARCITY_META_GATE", "1"),
        ("SCARCITY_BOOTSTRAP_SERVERS", "nowhere"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(key: str, value: str) -> None:
    with pytest.raises(InputError, match=key):
        MetaSettings.from_environment({key: value})
