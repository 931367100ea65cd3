"""A user's mirror of Maven Central is used."""

from pathlib import Path

import pytest

from scarcity.broker.maven_settings import maven_settings, read_settings_xml
from scarcity.events.errors import InputError

SETTINGS = """\
<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <localRepository>${env.CACHE}/m2</localRepository>
  <mirrors>
    <mirror><id>a</id><url>https://a.example/maven/</url><mirrorOf>other</mirrorOf></mirror>
    <mirror><id>b</id><url>https://b.example/maven/</url><mirrorOf>PATTERN</mirrorOf></mirror>
  </mirrors>
</settings>
"""


@pytest.mark.parametrize("pattern", ["central", "*", "external:*", "other2,central"])
def test_a_mirror_of_central_is_found_whatever_its_pattern(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    path.write_text(SETTINGS.replace("PATTERN", pattern))
    found = read_settings_xml(path, {"CACHE": "/cache"})
    assert found.remote_repos == {"central": "https://b.example/maven"}
    assert found.local_repository == Path("/cache/m2")


def test_without_a_mirror_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    path.write_text("<settings/>")
    assert read_settings_xml(path, {}) == (None, None)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    path.write_text("<settings>")
    with pytest.raises(InputError, match=r"settings\.xml: not a Maven settings file"):
        read_settings_xml(path, {})


def test_jgos_own_configuration_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS.replace("PATTERN", "*"))
    assert maven_settings({}).remote_repos == {"central": "https://b.example/maven"}
    config = tmp_path / "jgo.conf"
    config.write_text("[repositories]\ncentral = https://c.example/maven\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    assert maven_settings({}).remote_repos == {"central": "https://c.example/maven"}
    assert maven_settings({"M2_REPO": "/m2"}).local_repository == Path("/m2")
