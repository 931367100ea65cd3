"""Where this user's Maven artifacts come from: jgo's own configuration, then Maven's settings.xml.

Only what an offline mirror needs is read: the local repository and a mirror of Maven Central.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from scarcity.events.errors import InputError


class MavenSettings(NamedTuple):
    """None: as jgo does by itself (Maven Central, the user's local repository)."""

    remote_repos: dict[str, str] | None
    local_repository: Path | None


def read_settings_xml(path: Path, environ: Mapping[str, str]) -> MavenSettings:
    """Mirror of Central and local repository of a Maven settings.xml.

    Raises:
        InputError: the file is no XML.
    """
    try:
        root = ElementTree.fromstring(path.read_text("utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a Maven settings file: {error}") from None

    def text(element: ElementTree.Element, name: str) -> str:
        found = element.findtext(f"{{*}}{name}") or ""
        return re.sub(r"\$\{env\.(\w+)\}", lambda m: environ.get(m[1], ""), found.strip())

    mirrors = {
        pattern.strip(): text(mirror, "url").rstrip("/")
        for mirror in root.iterfind("{*}mirrors/{*}mirror")
        for pattern in text(mirror, "mirrorOf").split(",")
    }
    url = mirrors.get("central") or mirrors.get("*") or mirrors.get("external:*")
    local = text(root, "localRepository").replace("${user.home}", str(Path.home()))
    return MavenSettings({"central": url} if url else None, Path(local) if local else None)


def maven_settings(environ: Mapping[str, str] | None = None) -> MavenSettings:
    """The user's settings; jgo's (`JGO_CONFIG_FILE`, `M2_REPO`) win over Maven's settings.xml."""
    from jgo.config import GlobalSettings
    from jgo.constants import default_maven_repo

    environ = os.environ if environ is None else environ
    ours = GlobalSettings.load()
    remote = dict(ours.repositories) or None
    local = Path(ours.repo_cache) if ours.repo_cache != default_maven_repo() else None
    if "M2_REPO" in environ:
        local = Path(environ["M2_REPO"])
    path = Path.home() / ".m2" / "settings.xml"
    if path.is_file():
        maven = read_settings_xml(path, environ)
        remote, local = remote or maven.remote_repos, local or maven.local_repository
    return MavenSettings(remote, local)
