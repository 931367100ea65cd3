"""Environment over file over default; what is wrong is one line that names the key."""

from pathlib import Path

import pytest

from scarcity.configuration import effective as module
from scarcity.configuration.declaration import KEYS
from scarcity.configuration.effective import effective, unknown_names, with_file
from scarcity.configuration.key import Key
from scarcity.configuration.telling import settings_lines, start_lines
from scarcity.events.errors import InputError


def settings_file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "settings.yaml"
    path.write_text(text)
    return {"SCARCITY_CONFIG_FILE": str(path)}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    text = "SCARCITY_GOSSIP_CYCLE_S: 7\nSCARCITY_GOSSIP_MAX_PEERS: 3\n"
    environ = settings_file(tmp_path, text) | {"SCARCITY_GOSSIP_CYCLE_S": "9"}
    found = effective(environ, "gossip")
    assert found["SCARCITY_GOSSIP_CYCLE_S"] == ("9", "environment")
    assert found["SCARCITY_GOSSIP_MAX_PEERS"] == ("3", environ["SCARCITY_CONFIG_FILE"])
    assert found["SCARCITY_GOSSIP_GROUP_SIZE"] == ("8", "default")
    assert "SCARCITY_META_RATE" not in found


def test_words_that_yaml_takes_for_booleans_stay_words(tmp_path: Path) -> None:
    merged = with_file(settings_file(tmp_path, "SCARCITY_META_GATE: off\n"))
    assert merged["SCARCITY_META_GATE"] == "off"


def test_an_empty_value_of_the_environment_counts_as_missing(tmp_path: Path) -> None:
    environ = settings_file(tmp_path, "SCARCITY_META_GATE: off\n") | {"SCARCITY_META_GATE": ""}
    assert with_file(environ)["SCARCITY_META_GATE"] == "off"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SCARCITY_GOSSIP_CYCLES: 7", "line 1: SCARCITY_GOSSIP_CYCLES: unknown key .*CYCLE_S"),
        ("[1, 2]", "keys and values"),
        ("SCARCITY_META_GATE: {on: 1}", "SCARCITY_META_GATE: a text"),
        ("SCARCITY_META_GATE: on\nSCARCITY_META_GATE: off", "stands twice"),
        ("a: b: c", "not YAML"),
        ("SCARCITY_CONFIG_FILE: other.yaml", "unknown key"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as told:
        with_file(settings_file(tmp_path, text))
    assert len(str(told.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.yaml"):
        with_file({"SCARCITY_CONFIG_FILE": str(tmp_path / "gone.yaml")})


def test_a_wrong_value_is_told_before_the_service_starts() -> None:
    with pytest.raises(InputError, match="SCARCITY_MONITOR_PORT: 70000 is outside"):
        start_lines("monitor", {"SCARCITY_MONITOR_PORT": "70000"})


def test_a_secret_is_neither_shown_nor_taken_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key("SCARCITY_TEST_SECRET", ("memory",), "of this test", secret=True)
    monkeypatch.setattr(module, "KEYS", {**KEYS, key.name: key})
    monkeypatch.setattr("scarcity.configuration.telling.KEYS", {**KEYS, key.name: key})
    environ = {key.name: "hunter2"}
    told = "\n".join([*settings_lines(effective(environ)), start_lines("memory", environ)[0]])
    assert "hunter2" not in told
    assert told.count("(set, not shown)") == 2
    with pytest.raises(InputError, match=r"is a secret: .*SCARCITY_TEST_SECRET_FILE"):
        with_file(settings_file(tmp_path, f"{key.name}: hunter2"))


def test_a_misspelt_key_of_the_environment_is_a_warning_with_what_may_be_meant() -> None:
    assert unknown_names({"SCARCITY_GOSIP_CYCLE_S": "7", "HOME": "/"}) == [
        "SCARCITY_GOSIP_CYCLE_S is no setting (meant SCARCITY_GOSSIP_CYCLE_S?)"
    ]
